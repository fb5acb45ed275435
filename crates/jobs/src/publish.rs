//! Seam 1, the asking side: jobs go out, reports travel back.

use async_trait::async_trait;

use crate::{ReplyTo, SendJob, SendReport, SettleError};

/// Why a job or report was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker is away; nothing was sent.
    #[error("the queue is away: {0}")]
    Unavailable(String),
    /// Nobody has a queue for this pool: nothing was stored.
    #[error("no queue takes it: unroutable")]
    Unroutable,
    /// The queue refused it, being full: nothing was stored.
    #[error("the queue is full")]
    Full,
    /// No confirm came in time, or the connection broke: it may be stored or not.
    #[error("no confirm came: it may be stored or not")]
    Unconfirmed,
}

/// Takes jobs. `Ok` means stored: confirmed by the broker, or committed to the embedded file.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Stores `job` for the first pool of its route. Answers within a second, come what may.
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError>;

    /// Whether a publish can be hoped for now; the text says what is missing.
    fn ready(&self) -> Result<(), String>;
}

/// Takes reports. `Ok` means stored.
#[async_trait]
pub trait ReportPublisher: Send + Sync + 'static {
    /// Stores `report` for the ledger and everybody who listens, and for the job's own `reply_to`.
    async fn report(&self, report: &SendReport, reply_to: Option<&ReplyTo>) -> Result<(), PublishError>;
}

/// Gives reports to the ledger, one after the other.
#[async_trait]
pub trait ReportConsumer: Send + 'static {
    /// The next report; waits for one, across broker restarts. `None` after the consumer was stopped.
    async fn next(&mut self) -> Option<ReportDelivery>;
}

/// A report in hand; not gone from the queue before `ack`.
pub struct ReportDelivery {
    /// Its JSON.
    pub body: Vec<u8>,
    /// Ends it, or gives it back.
    pub receipt: Box<dyn ReportReceipt>,
}

/// The two ways to let go of a report.
#[async_trait]
pub trait ReportReceipt: Send {
    /// Done: the queue forgets it.
    async fn ack(self: Box<Self>) -> Result<(), SettleError>;
    /// Not now: it comes again.
    async fn give_back(self: Box<Self>) -> Result<(), SettleError>;
}
