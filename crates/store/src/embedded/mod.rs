//! The store in one file: every step is one write closure, and writes are strictly one after the other.

mod administration;
mod audit;
mod fault;
mod ledger;
mod outbox;
mod settings;
mod sweep;
mod tables;
mod tokens;
mod trails;

use std::sync::Arc;

use mtan_embedded::Embedded;
use mtan_verifier::{Store, StoreError};
use redb::{ReadTransaction, WriteTransaction};

use fault::Fault;

/// Tokens, challenges, outbox and ledger in an embedded file. Clones share it.
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    file: Embedded,
}

/// The store in `file`. What is answered is on disk, and survives `kill -9`.
pub fn embedded(file: &Embedded) -> Arc<dyn Store> {
    Arc::new(EmbeddedStore::new(file))
}

impl EmbeddedStore {
    /// The store in `file`; its tables appear with the first write.
    pub fn new(file: &Embedded) -> EmbeddedStore {
        EmbeddedStore { file: file.clone() }
    }

    /// One atomic step: `step` sees everything before it, and nothing comes between. A record that cannot be read is
    /// the asker's fault alone; a storage fault undoes the commit. `step` reads whatever it needs before it writes.
    async fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let written = self.file.write(|tx| match step(tx) {
            Ok(value) => Ok(Ok(value)),
            Err(Fault::Record(error)) => Ok(Err(error)),
            Err(Fault::Storage(error)) => Err(*error),
        });
        written.await.map_err(|e| StoreError(e.to_string()))?
    }

    /// Looks at the last committed state; never waits for a write.
    fn look<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let looked = self.file.read(|tx| match look(tx) {
            Ok(value) => Ok(Ok(value)),
            Err(Fault::Record(error)) => Ok(Err(error)),
            Err(Fault::Storage(error)) => Err(*error),
        });
        looked.map_err(|e| StoreError(e.to_string()))?
    }
}
