//! Seam 1, the sending side: a job in hand and the four ways to let go of it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Poison, Pool};

/// Gives the jobs of one pool, up to its prefetch at a time.
#[async_trait]
pub trait Consumer: Send + 'static {
    /// The next job; waits for one, across broker restarts. `None` only after [`Consumer::cancel`].
    async fn next(&mut self) -> Option<Delivery>;

    /// Has at most `most` jobs in hand from now on, not counting what is in hand already. With 0 it takes none until it is
    /// told otherwise: what was fetched and not yet returned by `next` goes back to the queue unharmed, so that others can
    /// have it, before this returns; `next` waits meanwhile. May be dropped while it waits, and is done all the same.
    async fn fetch(&mut self, most: u16);

    /// Takes no more jobs. What was fetched and not yet returned by `next` goes back to the queue unharmed.
    async fn cancel(&mut self);
}

/// Tries that lie behind a job, carried along when it waits or changes its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Hand-overs tried, over all pools.
    pub total: u32,
    /// Hand-overs tried in this pool since the job came to it.
    pub in_pool: u32,
}

/// A queue of the publisher's own that wants the report too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// The queue's name.
    pub queue: String,
    /// Comes back with the report.
    pub correlation_id: Option<String>,
}

/// A job in hand; the queue keeps it until one of the receipt's ways is taken.
pub struct Delivery {
    /// The job's JSON, not yet looked at.
    pub body: Vec<u8>,
    /// The pool whose queue it came from.
    pub pool: Pool,
    /// Tries that lie behind it.
    pub attempts: Attempts,
    /// When it was published, where that is known.
    pub published_at: Option<Timestamp>,
    /// Where the publisher wants the report beside the ledger.
    pub reply_to: Option<ReplyTo>,
    /// The ways to let go of it.
    pub receipt: Box<dyn Receipt>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("pool", &self.pool)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Another try, later or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The pool that gets it.
    pub pool: Pool,
    /// Not before this time has passed; zero = at once.
    pub after: Duration,
    /// Tries that lie behind it by then.
    pub attempts: Attempts,
}

/// Why a job could not be let go of: it comes again, for the queue still has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue still has it: {0}")]
pub struct SettleError(pub String);

/// Why a job did not get another try.
#[derive(thiserror::Error)]
pub enum AgainError {
    /// The other pool has no queue. Nothing was stored and the job is still in hand, to be let go of in another way; a
    /// pool is never told this of its own queue.
    #[error("the other pool has no queue")]
    Unroutable(Box<dyn Receipt>),
    /// It could not be let go of.
    #[error(transparent)]
    NotSettled(#[from] SettleError),
}

impl fmt::Debug for AgainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgainError::Unroutable(_) => f.write_str("Unroutable"),
            AgainError::NotSettled(error) => f.debug_tuple("NotSettled").field(error).finish(),
        }
    }
}

/// The four ways to let go of a job. Whatever must be stored elsewhere is stored, confirmed, before the queue forgets.
#[async_trait]
pub trait Receipt: Send {
    /// Done: the queue forgets it.
    async fn ack(self: Box<Self>) -> Result<(), SettleError>;
    /// Another try, as `again` says.
    async fn again(self: Box<Self>, again: Again) -> Result<(), AgainError>;
    /// Never again: to the dead, with the reason beside it.
    async fn bury(self: Box<Self>, poison: &Poison) -> Result<(), SettleError>;
    /// Unharmed back to the queue, at once: for a stop.
    async fn give_back(self: Box<Self>) -> Result<(), SettleError>;
}
