//! What every queue, every claim book and every kind of rates promises, written once: each kind runs it through its own
//! [`Bench`].
//!
//! `promises!(jobs: MyBench)` makes a test of each promise; so do `reports` and, with a bench of their own, `claims`,
//! `deliveries` and `rates`.

pub(crate) mod claims;
pub(crate) mod deliveries;
pub(crate) mod jobs;
pub(crate) mod rates;
pub(crate) mod reports;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{
    ClaimBook, Clock, Consumer, Delivery, DeliveryBook, JobId, Outcome, Pool, Publisher, RateBook,
    ReportCode, SendJob, SendReport, SystemClock,
};
use mtan_queue::Queue;
use mtan_testkit::wait_until;
use tokio::time::timeout;

/// A queue, and what a test must be able to do to it from outside.
pub(crate) trait Bench: Sized {
    /// A new and empty queue.
    async fn fresh() -> Self;
    /// The queue as the process that runs now sees it.
    fn queue(&self) -> Queue;
    /// That process dies as by `kill -9`, with all it has in hand, and another one opens what is stored.
    async fn crash(&mut self);
    /// The jobs that were buried, oldest first.
    async fn dead(&self) -> Vec<DeadLetter>;
}

/// A claim book, alone in the world.
pub(crate) trait ClaimBench: Sized {
    /// A new and empty book.
    async fn fresh() -> Self;
    /// The book.
    fn book(&self) -> Arc<dyn ClaimBook>;
}

/// A book of awaited delivery reports, alone in the world.
pub(crate) trait DeliveryBench: Sized {
    /// A new and empty book.
    async fn fresh() -> Self;
    /// The book.
    fn book(&self) -> Arc<dyn DeliveryBook>;
}

/// Rates that nobody has used yet.
pub(crate) trait RateBench: Sized {
    /// New ones.
    async fn fresh() -> Self;
    /// The rates as one more sender sees them.
    fn book(&self) -> Arc<dyn RateBook>;
}

/// A buried job, as an operator finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    pub(crate) pool: String,
    pub(crate) reason: String,
    /// All faults in one line, as `Poison::summary` makes it.
    pub(crate) faults: String,
}

/// Far more than anything takes here: a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Makes one test of each promise.
macro_rules! promises {
    (jobs: $bench:ty) => {
        $crate::suite::promises!(@ jobs Bench $bench:
            a_confirmed_job_survives_a_crash,
            a_job_in_hand_at_a_crash_comes_again,
            a_job_that_was_dropped_comes_to_another_consumer,
            jobs_come_in_the_order_of_their_publishing,
            a_stuck_pool_does_not_hold_up_another,
            a_pool_that_nobody_knows_is_an_error,
            no_consumer_has_more_in_hand_than_its_prefetch,
            a_job_that_waits_does_not_come_before_its_time,
            a_job_that_waits_survives_a_crash,
            a_job_goes_on_to_another_pool,
            a_job_that_goes_on_to_an_unknown_pool_stays,
            a_job_whose_next_pool_is_unknown_is_still_in_hand_for_another_way,
            a_buried_job_keeps_its_reason_and_is_gone,
            a_job_given_back_comes_again_at_once,
            a_next_that_is_given_up_loses_nothing,
            a_cancelled_consumer_gives_back_what_it_has_not_handed_out,
            a_consumer_that_fetches_none_leaves_all_to_others,
            a_consumer_fetches_as_many_as_it_is_told_to,
            a_consumer_that_fetches_none_can_be_cancelled,
            a_thousand_jobs_through_four_consumers_come_once_each,
        );
    };
    (reports: $bench:ty) => {
        $crate::suite::promises!(@ reports Bench $bench:
            reports_come_in_order_and_go_when_acknowledged,
            a_report_survives_a_crash_until_it_is_acknowledged,
            a_report_given_back_comes_again,
            a_stopped_report_consumer_says_so,
        );
    };
    (claims: $bench:ty) => {
        $crate::suite::promises!(@ claims ClaimBench $bench:
            a_job_is_one_owners_at_a_time,
            an_owner_that_asks_twice_has_one_claim,
            a_lapsed_lease_counts_an_unknown_and_passes_on,
            a_renewed_lease_holds_and_only_for_its_owner,
            a_release_counts_an_unknown_only_where_it_says_so,
            only_the_owner_releases,
            the_first_report_settles_the_job_for_good,
            a_job_that_was_never_claimed_can_be_settled,
            a_settled_job_is_nobodys_to_hold,
            a_report_is_marked_as_published,
            the_reports_of_many_jobs_are_marked_in_one_call,
            an_entry_is_forgotten_after_its_time,
            of_a_hundred_claimers_one_wins,
        );
    };
    (deliveries: $bench:ty) => {
        $crate::suite::promises!(@ deliveries DeliveryBench $bench:
            news_are_heard_once,
            who_publishes_has_a_lease_and_who_dies_over_it_loses_nothing,
            a_wrong_ticket_an_unknown_job_and_a_late_comer_are_nobodys,
            a_job_handed_over_again_keeps_its_ticket_and_what_was_told,
            an_earlier_pools_gateway_speaks_for_no_other,
            after_its_time_a_job_begins_anew,
            of_a_hundred_with_the_same_news_one_is_first,
        );
    };
    (rates: $bench:ty) => {
        $crate::suite::promises!(@ rates RateBench $bench:
            a_burst_goes_at_once_and_no_more,
            two_senders_of_a_pool_share_its_rate,
            each_pool_has_a_rate_of_its_own,
            senders_that_press_get_the_rate_and_never_more,
            who_waits_as_long_as_it_was_told_gets_its_turn,
            a_pause_does_not_pile_up_more_than_the_burst,
        );
    };
    (@ $suite:ident $kind:ident $bench:ty: $($promise:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::suite::$suite::$promise(<$bench as $crate::suite::$kind>::fresh().await).await;
            }
        )+
    };
}
pub(crate) use promises;

pub(crate) fn pool(name: &str) -> Pool {
    name.parse().unwrap()
}

pub(crate) fn job_id(id: &str) -> JobId {
    id.parse().unwrap()
}

/// A job for the pools `route`.
pub(crate) fn job(id: &str, route: &[&str]) -> SendJob {
    let body = serde_json::json!({
        "v": 1, "id": id, "to": "+491701234567", "text": format!("Your code is 123456 ({id})"), "otp": "123456",
        "route": route, "reference": "suite",
    });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn report(id: &str, detail: &str) -> SendReport {
    SendReport {
        job_id: job_id(id),
        reference: None,
        pool: pool("alpha"),
        provider: "http".into(),
        outcome: Outcome::Accepted,
        code: ReportCode::GatewayAccepted,
        detail: Some(detail.into()),
        gateway_id: None,
        attempts: 1,
        segments: 1,
        at: now(),
    }
}

/// Now, in whole milliseconds as they travel.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(SystemClock.now().as_millisecond()).unwrap()
}

/// The bench's queue once it works.
pub(crate) async fn ready(bench: &impl Bench) -> Queue {
    let queue = bench.queue();
    wait_until("the queue to be ready", PATIENCE, async || queue.ready()).await;
    queue
}

/// A publisher of `pools` that works.
pub(crate) async fn publisher(bench: &impl Bench, pools: &[&str]) -> Arc<dyn Publisher> {
    let pools: Vec<Pool> = pools.iter().map(|name| pool(name)).collect();
    let publisher = bench.queue().publisher(&pools);
    ready(bench).await;
    wait_until("the publisher to be ready", PATIENCE, async || publisher.ready()).await;
    publisher
}

/// A consumer that consumes.
pub(crate) async fn consumer(bench: &impl Bench, name: &str, prefetch: u16) -> Box<dyn Consumer> {
    let consumer = bench.queue().consumer(&pool(name), prefetch);
    ready(bench).await;
    consumer
}

/// The next job, which must come.
pub(crate) async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    timeout(PATIENCE, consumer.next()).await.expect("a job comes").expect("it was not cancelled")
}

/// The job's id.
pub(crate) fn id(delivery: &Delivery) -> String {
    SendJob::from_json(&delivery.body).unwrap().id.to_string()
}
