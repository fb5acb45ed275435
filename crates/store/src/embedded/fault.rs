//! What can go wrong inside a step: the storage as a whole, or one record.

use mtan_verifier::StoreError;

/// Why a step ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file: nothing of this commit happens.
    Storage(Box<redb::Error>),
    /// One record: only the asker is told, other steps of the commit stand.
    Record(StoreError),
}

impl From<redb::TableError> for Fault {
    fn from(error: redb::TableError) -> Fault {
        Fault::Storage(Box::new(error.into()))
    }
}

impl From<redb::StorageError> for Fault {
    fn from(error: redb::StorageError) -> Fault {
        Fault::Storage(Box::new(error.into()))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Record(error)
    }
}
