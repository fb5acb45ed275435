//! The embedded queue: durable jobs and reports in the one file of the all-in-one process.

mod claims;
mod consumer;
mod deliveries;
mod hands;
mod pools;
mod publisher;
mod rates;
mod receipt;
mod reports;
mod shelf;
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
pub use deliveries::embedded_deliveries;
pub use rates::embedded_rates;
pub use tables::DeadJob;

use consumer::EmbeddedConsumer;
use hands::Hands;
use pools::Pools;
use publisher::EmbeddedPublisher;
use reports::{EmbeddedReportConsumer, EmbeddedReportPublisher};

/// The bounds of one queue.
#[derive(Clone, Copy)]
struct Bounds {
    /// Jobs that may wait in one pool, and reports that may wait in all, before a further one is refused.
    max_waiting: u64,
    /// The longest time between two looks of somebody who waits. Whatever comes is rung for; only the passing of time
    /// is not, and the clock may be one that a test moves.
    look: Duration,
}

const BOUNDS: Bounds = Bounds { max_waiting: 100_000, look: Duration::from_millis(250) };

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
    bounds: Bounds,
    pools: Pools,
    jobs_in_hand: Arc<Hands<String>>,
    reports_in_hand: Arc<Hands<u64>>,
    report_bell: Notify,
}

impl EmbeddedQueue {
    pub(crate) fn new(file: &Embedded, key: &ServerKey, clock: Arc<dyn Clock>) -> EmbeddedQueue {
        EmbeddedQueue::with(file, key, clock, BOUNDS)
    }

    fn with(file: &Embedded, key: &ServerKey, clock: Arc<dyn Clock>, bounds: Bounds) -> EmbeddedQueue {
        EmbeddedQueue(Arc::new(Shared {
            file: file.clone(),
            key: key.clone(),
            bounds,
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

#[cfg(test)]
mod tests {
    use mtan_jobs::{Again, Attempts, Delivery, Outcome, PublishError, ReportCode, SendReport};
    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::testing::{TestClock, job};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A queue on a clock that stands still, with room for `max_waiting`.
    fn queue(max_waiting: u64) -> (EmbeddedQueue, Arc<TestClock>, TempDir) {
        queue_with(Bounds { max_waiting, ..BOUNDS })
    }

    fn queue_with(bounds: Bounds) -> (EmbeddedQueue, Arc<TestClock>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("queue.redb")).unwrap();
        let clock = TestClock::start();
        let key = ServerKey::generate();
        (EmbeddedQueue::with(&file, &key, clock.clone(), bounds), clock, folder)
    }

    fn alpha() -> Pool {
        "alpha".parse().unwrap()
    }

    fn report() -> SendReport {
        SendReport {
            job_id: "one".parse().unwrap(),
            reference: None,
            pool: alpha(),
            provider: "http".into(),
            outcome: Outcome::Accepted,
            code: ReportCode::GatewayAccepted,
            detail: None,
            gateway_id: None,
            attempts: 1,
            segments: 1,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
        timeout(PATIENCE, consumer.next()).await.expect("a job comes").expect("not cancelled")
    }

    /// Waits as long as a waiting consumer may sleep between two looks, and some more.
    async fn nothing_comes(consumer: &mut Box<dyn Consumer>) {
        assert!(timeout(BOUNDS.look * 2, consumer.next()).await.is_err(), "a job came before its time");
    }

    #[tokio::test]
    async fn a_full_pool_refuses_newcomers_but_none_of_its_own() {
        let (queue, _clock, _folder) = queue(2);
        let publisher = queue.publisher(&[alpha()]);
        publisher.publish(&job("one")).await.unwrap();
        publisher.publish(&job("two")).await.unwrap();
        assert_eq!(publisher.publish(&job("three")).await, Err(PublishError::Full));
        assert_eq!(publisher.publish(&job("two")).await, Ok(()), "it is stored already");
        let mut consumer = queue.consumer(&alpha(), 2);
        let again = Again { pool: alpha(), after: Duration::ZERO, attempts: Attempts::default() };
        next(&mut consumer).await.receipt.again(again).await.unwrap();
        next(&mut consumer).await.receipt.ack().await.unwrap();
        assert_eq!(publisher.publish(&job("three")).await, Ok(()), "there is room again");
    }

    #[tokio::test]
    async fn a_delay_runs_on_the_clock_that_was_handed_in() {
        let (queue, clock, _folder) = queue(100);
        queue.publisher(&[alpha()]).publish(&job("one")).await.unwrap();
        let mut consumer = queue.consumer(&alpha(), 1);
        let hour = Duration::from_secs(3600);
        let again = Again { pool: alpha(), after: hour, attempts: Attempts::default() };
        let first = next(&mut consumer).await;
        assert_eq!(first.published_at, Some(clock.now()));
        first.receipt.again(again).await.unwrap();
        clock.advance(hour);
        nothing_comes(&mut consumer).await; // rounded up, never early
        clock.advance(Duration::from_micros(1));
        let second = next(&mut consumer).await;
        assert!(second.published_at.unwrap() < clock.now());
    }

    #[tokio::test]
    async fn a_job_that_was_lost_comes_again_after_a_pause() {
        let (queue, clock, _folder) = queue(100);
        queue.publisher(&[alpha()]).publish(&job("one")).await.unwrap();
        let mut consumer = queue.consumer(&alpha(), 1);
        drop(next(&mut consumer).await);
        nothing_comes(&mut consumer).await;
        clock.advance(Duration::from_secs(1));
        next(&mut consumer).await;
    }

    #[tokio::test]
    async fn a_job_held_for_too_long_passes_on_and_its_old_receipt_is_void() {
        let (queue, clock, _folder) = queue(100);
        let publisher = queue.publisher(&[alpha()]);
        publisher.publish(&job("one")).await.unwrap();
        let mut slow = queue.consumer(&alpha(), 1);
        let stuck = next(&mut slow).await;
        clock.advance(Duration::from_secs(30 * 60));
        let mut quick = queue.consumer(&alpha(), 1);
        let passed_on = next(&mut quick).await;
        assert!(stuck.receipt.ack().await.is_err());
        nothing_comes(&mut slow).await;
        passed_on.receipt.ack().await.unwrap();
        publisher.publish(&job("one")).await.unwrap();
        next(&mut quick).await;
    }

    #[tokio::test]
    async fn whatever_comes_wakes_who_waits_for_it() {
        let (queue, _clock, _folder) = queue_with(Bounds { look: Duration::MAX, ..BOUNDS });
        let publisher = queue.publisher(&[alpha()]);
        // Room for one more in hand: they wait for the bell and not for room.
        let (mut one, mut two) = (queue.consumer(&alpha(), 2), queue.consumer(&alpha(), 2));
        for round in 0..20 {
            let (first, second, ()) = tokio::join!(biased; next(&mut one), next(&mut two), async {
                for name in ["a", "b"] {
                    publisher.publish(&job(&format!("{name}-{round}"))).await.unwrap();
                }
            });
            let again = Again { pool: alpha(), after: Duration::ZERO, attempts: Attempts::default() };
            let (third, given_back) = tokio::join!(biased; next(&mut one), first.receipt.give_back());
            let (fourth, put_again) = tokio::join!(biased; next(&mut two), second.receipt.again(again));
            given_back.unwrap();
            put_again.unwrap();
            third.receipt.ack().await.unwrap();
            fourth.receipt.ack().await.unwrap();
        }
    }

    #[tokio::test]
    async fn jobs_of_the_same_instant_come_in_the_order_of_their_arrival() {
        let (queue, _clock, _folder) = queue(100);
        let publisher = queue.publisher(&[alpha()]);
        let mut consumer = queue.consumer(&alpha(), 10);
        let ids = ["m", "z", "a", "k"];
        for id in ids {
            publisher.publish(&job(id)).await.unwrap();
        }
        for id in ids {
            let delivery = next(&mut consumer).await;
            assert_eq!(delivery.body, job(id).to_json());
            delivery.receipt.ack().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_opens_under_its_own_id_only() {
        let (queue, _clock, _folder) = queue(100);
        let publisher = queue.publisher(&[alpha()]);
        for id in ["one", "two"] {
            publisher.publish(&job(id)).await.unwrap();
        }
        let file = queue.0.file.clone();
        let swap = |tx: &redb::WriteTransaction| {
            let (one, two) = (tables::remove(tx, "one")?.unwrap(), tables::remove(tx, "two")?.unwrap());
            let sealed = one.sealed.clone();
            tables::insert(tx, &tables::Row { sealed: two.sealed.clone(), ..one }, 100)?;
            tables::insert(tx, &tables::Row { sealed, ..two }, 100)
        };
        file.write(swap).await.unwrap();
        publisher.publish(&job("three")).await.unwrap();
        assert_eq!(next(&mut queue.consumer(&alpha(), 1)).await.body, job("three").to_json());
        let dead = embedded_dead(&file).unwrap();
        assert_eq!(dead.iter().map(|dead| dead.reason.as_str()).collect::<Vec<_>>(), ["unreadable"; 2]);
    }

    #[tokio::test]
    async fn a_report_wakes_the_ledger() {
        let (queue, _clock, _folder) = queue_with(Bounds { look: Duration::MAX, ..BOUNDS });
        let reports = queue.report_publisher();
        let mut ledger = queue.report_consumer(CancellationToken::new());
        for _ in 0..20 {
            let report = report();
            let (delivery, published) =
                tokio::join!(biased; timeout(PATIENCE, ledger.next()), reports.report(&report, None));
            published.unwrap();
            delivery.expect("it wakes").expect("not stopped").receipt.ack().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_ledger_that_is_stuck_is_told_of_and_costs_no_report() {
        let (queue, _clock, _folder) = queue(1);
        let reports = queue.report_publisher();
        let report = report();
        reports.report(&report, None).await.unwrap();
        assert_eq!(reports.report(&report, None).await, Err(PublishError::Full));
        let mut ledger = queue.report_consumer(CancellationToken::new());
        let delivery = timeout(PATIENCE, ledger.next()).await.expect("a report comes").expect("not stopped");
        delivery.receipt.ack().await.unwrap();
        reports.report(&report, None).await.unwrap();
    }
}
