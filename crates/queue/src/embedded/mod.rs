//! The embedded queue: durable jobs and reports in the one file of the all-in-one process.

mod claims;
mod consumer;
mod hands;
mod pools;
mod publisher;
mod receipt;
mod reports;
mod tables;
#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mtan_embedded::{Embedded, EmbeddedError};
use mtan_jobs::{Clock, Consumer, Pool, Publisher, ReportConsumer, ReportPublisher};
use mtan_seal::ServerKey;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use claims::embedded_claims;
pub use tables::DeadJob;

use consumer::EmbeddedConsumer;
use hands::Hands;
use pools::Pools;
use publisher::EmbeddedPublisher;
use reports::{EmbeddedReportConsumer, EmbeddedReportPublisher};

/// Jobs that may wait in one pool, and reports that may wait in all, before a further one is refused.
const MAX_WAITING: u64 = 100_000;

/// The longest time between two looks of somebody who waits. Whatever comes is rung for; only the passing of time is
/// not, and the clock may be one that a test moves.
const LOOK: Duration = Duration::from_millis(250);

/// The time to the next look after one that failed: each is logged.
const AFTER_FAULT: Duration = Duration::from_secs(5);

/// A publish or report that takes longer is given up on: it may be stored or not.
const ANSWER: Duration = Duration::from_millis(900);

/// The queue in the file. Clones are the same queue; a second one on the same file would give the same jobs out again.
#[derive(Clone)]
pub(crate) struct EmbeddedQueue(Arc<Shared>);

/// What all ends of the queue share.
struct Shared {
    file: Embedded,
    key: ServerKey,
    clock: Arc<dyn Clock>,
    max_waiting: u64,
    pools: Pools,
    jobs_in_hand: Arc<Hands<String>>,
    reports_in_hand: Arc<Hands<u64>>,
    report_bell: Notify,
}

impl EmbeddedQueue {
    pub(crate) fn new(file: &Embedded, key: &ServerKey, clock: Arc<dyn Clock>) -> EmbeddedQueue {
        EmbeddedQueue::with_bound(file, key, clock, MAX_WAITING)
    }

    fn with_bound(
        file: &Embedded,
        key: &ServerKey,
        clock: Arc<dyn Clock>,
        max_waiting: u64,
    ) -> EmbeddedQueue {
        EmbeddedQueue(Arc::new(Shared {
            file: file.clone(),
            key: key.clone(),
            max_waiting,
            pools: Pools::default(),
            jobs_in_hand: Hands::new(Arc::clone(&clock)),
            reports_in_hand: Hands::new(Arc::clone(&clock)),
            report_bell: Notify::new(),
            clock,
        }))
    }

    pub(crate) fn publisher(&self, pools: &[Pool]) -> Arc<dyn Publisher> {
        for pool in pools {
            self.0.pools.open(pool);
        }
        Arc::new(EmbeddedPublisher::new(Arc::clone(&self.0)))
    }

    pub(crate) fn consumer(&self, pool: &Pool, prefetch: u16) -> Box<dyn Consumer> {
        let bell = self.0.pools.open(pool);
        Box::new(EmbeddedConsumer::new(Arc::clone(&self.0), pool.clone(), bell, prefetch))
    }

    pub(crate) fn report_publisher(&self) -> Arc<dyn ReportPublisher> {
        Arc::new(EmbeddedReportPublisher::new(Arc::clone(&self.0)))
    }

    pub(crate) fn report_consumer(&self, stop: CancellationToken) -> Box<dyn ReportConsumer> {
        Box::new(EmbeddedReportConsumer::new(Arc::clone(&self.0), stop))
    }

    pub(crate) fn ready(&self) -> Result<(), String> {
        self.0.ready()
    }
}

impl Shared {
    fn ready(&self) -> Result<(), String> {
        self.file.read(|_| Ok(())).map_err(|e| e.to_string())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Where a job's body is sealed to: it opens under no other id.
fn place(id: &str) -> String {
    format!("queue/{id}")
}

/// The jobs that were buried, oldest first, up to 10,000; for an operator.
///
/// # Errors
/// The file cannot be read.
pub fn embedded_dead(file: &Embedded) -> Result<Vec<DeadJob>, EmbeddedError> {
    file.read(tables::dead)
}
