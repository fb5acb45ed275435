//! The four ways to let go of a job. Each is one commit, so a job is in one place at any time.

use std::sync::Arc;

use async_trait::async_trait;
use mtan_jobs::{Again, AgainError, Poison, Receipt, SettleError};
use redb::WriteTransaction;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::Shared;
use super::hands::Held;
use super::tables::{self, Epitaph};

/// Dropped unsettled it is lost: the job comes again after a short pause.
pub(super) struct EmbeddedReceipt {
    shared: Arc<Shared>,
    /// Of the pool that it came from.
    bell: Arc<Notify>,
    held: Held<String>,
    _hand: OwnedSemaphorePermit,
}

impl EmbeddedReceipt {
    pub(super) fn new(
        shared: Arc<Shared>,
        bell: Arc<Notify>,
        held: Held<String>,
        hand: OwnedSemaphorePermit,
    ) -> EmbeddedReceipt {
        EmbeddedReceipt { shared, bell, held, _hand: hand }
    }

    pub(super) async fn bury(self, why: Epitaph) -> Result<(), SettleError> {
        let at = self.shared.now().as_microsecond();
        self.settle(move |tx, id| tables::bury(tx, id, &why, at)).await
    }

    /// Write first, let go second: in between nobody else can take what is no longer there.
    async fn settle(
        self,
        change: impl FnOnce(&WriteTransaction, &str) -> Result<(), redb::Error> + Send + 'static,
    ) -> Result<(), SettleError> {
        if !self.held.is_current() {
            return Err(SettleError("it was in hand for too long and passed on".into()));
        }
        let id = self.held.key().clone();
        let written = self.shared.file.write(move |tx| change(tx, &id)).await;
        written.map_err(|e| SettleError(e.to_string()))?;
        self.held.let_go();
        Ok(())
    }
}

#[async_trait]
impl Receipt for EmbeddedReceipt {
    async fn ack(self: Box<Self>) -> Result<(), SettleError> {
        self.settle(|tx, id| tables::remove(tx, id).map(drop)).await
    }

    async fn again(self: Box<Self>, again: Again) -> Result<(), AgainError> {
        let Some(bell) = self.shared.pools.bell(&again.pool) else {
            return Err(AgainError::Unroutable(self));
        };
        let Again { pool, after, attempts } = again;
        let due = due(self.shared.now(), after);
        self.settle(move |tx, id| tables::replace(tx, id, pool, due, attempts)).await?;
        bell.notify_one();
        Ok(())
    }

    async fn bury(self: Box<Self>, poison: &Poison) -> Result<(), SettleError> {
        let why = Epitaph { reason: poison.reason.as_str().to_owned(), faults: poison.faults.clone() };
        EmbeddedReceipt::bury(*self, why).await
    }

    async fn give_back(self: Box<Self>) -> Result<(), SettleError> {
        self.held.let_go();
        self.bell.notify_one();
        Ok(())
    }
}

/// Microseconds, rounded up: a job that waits never comes before its time.
fn due(now: jiff::Timestamp, after: std::time::Duration) -> i64 {
    let exact = now.saturating_add(after).unwrap_or(jiff::Timestamp::MAX);
    exact.as_microsecond() + i64::from(!after.is_zero())
}
