//! The file: opened once, read by many, written by one.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::writer::{self, EmbeddedError, Operation};

/// Writes that may wait for the writer thread before a further one has to wait for a place.
const WAITING: usize = 1024;

/// The open file. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
    writer: mpsc::Sender<Operation>,
}

/// Why the file did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process: is a second mtan running on the same data folder?", .0.display())]
    InUse(PathBuf),
    /// It cannot be read or made, or is no redb file.
    #[error("{}: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What redb or the system said.
        reason: String,
    },
}

impl Embedded {
    /// Opens the file at `path`, making it if it is not there; checks and repairs it after a crash.
    pub fn open(path: &Path) -> Result<Embedded, OpenError> {
        close_to_others(path)
            .map_err(|e| OpenError::Unusable { path: path.to_owned(), reason: e.to_string() })?;
        let database = Database::create(path).map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path.to_owned()),
            other => OpenError::Unusable { path: path.to_owned(), reason: other.to_string() },
        })?;
        let database = Arc::new(database);
        let (writer, waiting) = mpsc::channel(WAITING);
        let for_thread = Arc::clone(&database);
        std::thread::Builder::new()
            .name("embedded-writer".into())
            .spawn(move || writer::run(&for_thread, waiting))
            .map_err(|e| OpenError::Unusable { path: path.to_owned(), reason: e.to_string() })?;
        Ok(Embedded { database, writer })
    }

    /// Runs `operation` inside the next commit and answers once that is on disk. Writes are strictly one after the
    /// other. An operation that returns an error undoes the whole commit: it is for storage faults only, a rule that
    /// says no is an `Ok` value that wrote nothing.
    pub async fn write<T, F>(&self, operation: F) -> Result<T, EmbeddedError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction) -> Result<T, redb::Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let boxed: Operation = Box::new(move |tx| match operation(tx) {
            Ok(value) => Ok(Box::new(move |committed: Result<(), EmbeddedError>| {
                // The asker may have gone away; what was committed stays committed.
                drop(answer.send(committed.map(|()| value)));
            })),
            Err(e) => {
                let error = EmbeddedError(e.to_string());
                drop(answer.send(Err(error.clone())));
                Err(error)
            }
        });
        let gone = || EmbeddedError("the writer thread has stopped".into());
        self.writer.send(boxed).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Reads from the last committed state; never waits for a writer.
    pub fn read<T>(
        &self,
        operation: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, EmbeddedError> {
        let tx = self.database.begin_read().map_err(|e| EmbeddedError(e.to_string()))?;
        operation(&tx).map_err(|e| EmbeddedError(e.to_string()))
    }
}

/// A new file is its owner's alone; one that is there keeps what it has.
fn close_to_others(path: &Path) -> io::Result<()> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded(..)")
    }
}
