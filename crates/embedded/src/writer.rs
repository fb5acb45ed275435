//! The writer thread: group commit.

use redb::{Database, WriteTransaction};
use tokio::sync::mpsc;
use tracing::error;

/// The most writes that share one commit.
const GROUP: usize = 64;

/// A write that did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the embedded file: {0}")]
pub struct EmbeddedError(pub(crate) String);

/// Tells one asker how the commit went.
type Answer = Box<dyn FnOnce(Result<(), EmbeddedError>) + Send>;

/// One write: looks, decides, changes; its answer is held back until the commit.
pub(crate) type Operation = Box<dyn FnOnce(&WriteTransaction) -> Result<Answer, EmbeddedError> + Send>;

/// Runs until every [`crate::Embedded`] is gone and what waited is written.
pub(crate) fn run(database: &Database, mut waiting: mpsc::Receiver<Operation>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match waiting.try_recv() {
                Ok(next) => group.push(next),
                Err(_) => break,
            }
        }
        commit(database, group);
    }
}

/// All of `group` in one transaction, or none of it.
fn commit(database: &Database, group: Vec<Operation>) {
    let mut answers = Vec::with_capacity(group.len());
    let result = write_all(database, group, &mut answers);
    if let Err(e) = &result {
        error!(error = %e, writes = answers.len(), "commit failed: none of its writes happened");
    }
    for answer in answers {
        answer(result.clone());
    }
}

fn write_all(
    database: &Database,
    group: Vec<Operation>,
    answers: &mut Vec<Answer>,
) -> Result<(), EmbeddedError> {
    let tx = database.begin_write().map_err(|e| EmbeddedError(e.to_string()))?;
    for operation in group {
        // Dropping the transaction on the way out undoes what the others of the group did.
        answers.push(operation(&tx)?);
    }
    tx.commit().map_err(|e| EmbeddedError(e.to_string()))
}
