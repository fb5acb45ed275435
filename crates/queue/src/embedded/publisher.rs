//! Jobs come in: sealed, and answered for after the commit.

use std::sync::Arc;

use async_trait::async_trait;
use mtan_embedded::EmbeddedError;
use mtan_jobs::{Attempts, PublishError, Publisher, SendJob};

use super::tables::{self, Insert, Row};
use super::{ANSWER, Shared, place};

pub(super) struct EmbeddedPublisher(Arc<Shared>);

impl EmbeddedPublisher {
    pub(super) fn new(shared: Arc<Shared>) -> EmbeddedPublisher {
        EmbeddedPublisher(shared)
    }

    fn row(&self, job: &SendJob) -> Row {
        let now = self.0.now().as_microsecond();
        let id = job.id.to_string();
        Row {
            pool: job.first_pool(),
            due: now,
            attempts: Attempts::default(),
            published_at: now,
            sealed: self.0.key.seal(&place(&id), &job.to_json()),
            id,
        }
    }
}

#[async_trait]
impl Publisher for EmbeddedPublisher {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        let bell = self.0.pools.bell(&job.first_pool()).ok_or(PublishError::Unroutable)?;
        let row = self.row(job);
        let bound = self.0.bounds.max_waiting;
        let stored = self.0.file.write(move |tx| tables::insert(tx, &row, bound));
        answer(tokio::time::timeout(ANSWER, stored).await)?;
        bell.notify_one();
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        self.0.ready()
    }
}

/// What the asker hears. The storage layer says that a failed write did not happen; a slow one may yet.
pub(super) fn answer(
    stored: Result<Result<Insert, EmbeddedError>, tokio::time::error::Elapsed>,
) -> Result<(), PublishError> {
    match stored {
        Ok(Ok(Insert::Stored | Insert::Already)) => Ok(()),
        Ok(Ok(Insert::Full)) => Err(PublishError::Full),
        Ok(Err(e)) => Err(PublishError::Unavailable(e.to_string())),
        Err(_) => Err(PublishError::Unconfirmed),
    }
}
