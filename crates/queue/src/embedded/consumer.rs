//! Jobs go out: the first that is due and free, up to the prefetch in hand at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Consumer, Delivery, Fault, Pool};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::error;

use super::hands::Held;
use super::receipt::EmbeddedReceipt;
use super::tables::{self, Epitaph, First, Row};
use super::{AFTER_FAULT, Shared, place};

/// Fetches nothing ahead: a job is in hand only once `next` has returned it, so a cancel has nothing to give back.
pub(super) struct EmbeddedConsumer {
    shared: Arc<Shared>,
    pool: Pool,
    bell: Arc<Notify>,
    /// One permit for each job that may be in hand; none = takes no jobs for now.
    hands: Option<Arc<Semaphore>>,
    cancelled: bool,
}

/// What a look at the pool found.
enum Look {
    Job(Held<String>, Row),
    /// Nothing, look again after this.
    Nothing(Duration),
}

impl EmbeddedConsumer {
    pub(super) fn new(shared: Arc<Shared>, pool: Pool, bell: Arc<Notify>, prefetch: u16) -> EmbeddedConsumer {
        EmbeddedConsumer { shared, pool, bell, hands: Some(hands(prefetch.max(1))), cancelled: false }
    }

    fn look(&self) -> Look {
        let now = self.shared.now();
        let look = self.shared.bounds.look;
        let mut later = look;
        let taken = self.shared.jobs_in_hand.take(|free| {
            let first = |tx: &_| tables::first(tx, &self.pool, now.as_microsecond(), free);
            Ok(match self.shared.file.read(first)? {
                First::Job(row) => Some((row.id.clone(), row)),
                First::Later(due) => {
                    later = look.min(until(now, tables::time(due)));
                    None
                }
                First::Nothing => None,
            })
        });
        match taken {
            Ok(Some((held, row))) => Look::Job(held, row),
            Ok(None) => Look::Nothing(later),
            Err::<_, mtan_embedded::EmbeddedError>(e) => {
                error!(pool = %self.pool, error = %e, "the queue cannot be read");
                Look::Nothing(AFTER_FAULT)
            }
        }
    }

    /// `None` if the body does not open: then the job goes to the dead, sealed as it is.
    async fn deliver(&self, held: Held<String>, row: Row, hand: OwnedSemaphorePermit) -> Option<Delivery> {
        let opened = self.shared.key.open(&place(&row.id), &row.sealed);
        let receipt = EmbeddedReceipt::new(Arc::clone(&self.shared), Arc::clone(&self.bell), held, hand);
        let Ok(body) = opened else {
            error!(job.id = row.id, pool = %self.pool, "a job's body does not open: another server key?");
            if let Err(e) = receipt.bury(unreadable()).await {
                error!(job.id = row.id, pool = %self.pool, error = %e, "a job that does not open stays");
            }
            return None;
        };
        Some(Delivery {
            body: body.to_vec(),
            pool: self.pool.clone(),
            attempts: row.attempts,
            published_at: Some(tables::time(row.published_at)),
            reply_to: None,
            receipt: Box::new(receipt),
        })
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        if self.cancelled {
            return None;
        }
        let Some(hands) = &self.hands else { return std::future::pending().await };
        loop {
            let hand = Arc::clone(hands).acquire_owned().await.expect("it is never closed");
            // Listen before looking: what comes in between rings.
            let mut rung = pin!(self.bell.notified());
            rung.as_mut().enable();
            match self.look() {
                Look::Job(held, row) => {
                    if let Some(delivery) = self.deliver(held, row, hand).await {
                        return Some(delivery);
                    }
                }
                Look::Nothing(later) => {
                    tokio::select! { () = rung => {}, () = tokio::time::sleep(later) => {} }
                }
            }
        }
    }

    /// Jobs in hand keep the permits that they have, of a set that nobody draws from any more.
    async fn fetch(&mut self, most: u16) {
        self.hands = (most > 0).then(|| hands(most));
    }

    async fn cancel(&mut self) {
        self.cancelled = true;
    }
}

fn hands(most: u16) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.into()))
}

fn until(now: Timestamp, due: Timestamp) -> Duration {
    // Timers may go off a little early; a look too soon would only mean another one.
    Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO) + Duration::from_millis(1)
}

fn unreadable() -> Epitaph {
    let message = "does not open: sealed with another server key, or damaged".to_owned();
    Epitaph { reason: "unreadable".to_owned(), faults: vec![Fault { pointer: String::new(), message }] }
}
