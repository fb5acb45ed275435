//! Letters leave here: jobs, reports and the dead, each confirmed or refused.

use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{
    Attempts, Clock, JobId, Poison, Pool, PublishError, ReplyTo, SendJob, SendReport, SystemClock,
};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::delay::hold;
use super::letter::Letter;
use super::link::Link;
use super::parcel::Parcel;
use super::{properties, topology};

/// A publish on behalf of somebody who waits at the door: "within a second, come what may", with room for the rest.
const JOB_WITHIN: Duration = Duration::from_millis(700);
/// A publish that stands before an acknowledgement: giving up early only makes duplicates.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// The way out, over the link that publishes.
#[derive(Clone)]
pub(super) struct Outlet {
    link: Link,
}

impl Outlet {
    pub(super) fn new(link: Link) -> Outlet {
        Outlet { link }
    }

    pub(super) fn ready(&self) -> Result<(), String> {
        self.link.ready()
    }

    /// Stores a new job for the first pool of its route.
    pub(super) async fn job(&self, job: &SendJob) -> Result<(), PublishError> {
        let pool = job.first_pool();
        let letter = Letter {
            exchange: topology::SEND.to_owned(),
            routing_key: pool.to_string(),
            body: job.to_json(),
            properties: properties::of_job(job, now()),
        };
        self.to_pool(&pool, letter, JOB_WITHIN).await
    }

    /// Stores the job in `parcel` once more, for another try.
    pub(super) async fn again(
        &self,
        parcel: &Parcel,
        pool: &Pool,
        after: Duration,
        attempts: Attempts,
    ) -> Result<(), PublishError> {
        let hold = hold(after);
        let wait = hold.map(|hold| hold.expiration);
        let letter = Letter {
            exchange: hold.map_or_else(|| topology::SEND.to_owned(), |hold| topology::retry_queue(hold.step)),
            routing_key: pool.to_string(),
            body: parcel.body.clone(),
            properties: properties::of_another_try(&parcel.properties, attempts, wait, now()),
        };
        if hold.is_some() && !self.link.is_ours(pool) {
            self.route_exists(pool).await?;
        }
        self.to_pool(pool, letter, SETTLE_WITHIN).await
    }

    /// Stores the job in `parcel` among the dead.
    pub(super) async fn bury(
        &self,
        parcel: &Parcel,
        pool: &Pool,
        poison: &Poison,
    ) -> Result<(), PublishError> {
        let letter = Letter {
            exchange: topology::DEAD.to_owned(),
            routing_key: pool.to_string(), // for a redrive; a fanout does not care
            body: parcel.body.clone(),
            properties: properties::of_dead(&parcel.properties, pool, poison, now()),
        };
        self.publish(letter, SETTLE_WITHIN).await
    }

    /// Stores a report for everybody who listens.
    pub(super) async fn report(&self, report: &SendReport) -> Result<(), PublishError> {
        let letter = Letter {
            exchange: topology::REPORT.to_owned(),
            routing_key: report.routing_key(),
            body: report.to_json(),
            properties: properties::of_report(&report.job_id, None, now()),
        };
        self.publish(letter, SETTLE_WITHIN).await
    }

    /// Stores a report in the queue that the job's publisher named. That queue is his: if it is gone, full or does not
    /// confirm, it is he who misses the report, and the log says so. No queue of ours is his.
    pub(super) async fn reply(&self, report: &SendReport, reply_to: &ReplyTo) -> Result<(), PublishError> {
        let Some(letter) = reply_letter(report, reply_to) else {
            lost(&report.job_id, "its name or correlation id is longer than AMQP takes");
            return Ok(());
        };
        if topology::is_own(&reply_to.queue) {
            lost(&report.job_id, "it is a queue of our own");
            return Ok(());
        }
        let mut answer = self.publish(letter.clone(), SETTLE_WITHIN).await;
        if answer == Err(PublishError::Unconfirmed) {
            answer = self.publish(letter, SETTLE_WITHIN).await;
        }
        match answer {
            Err(PublishError::Unroutable) => lost(&report.job_id, "there is no such queue"),
            Err(PublishError::Full) => lost(&report.job_id, "the queue does not take it"),
            Err(PublishError::Unconfirmed) => {
                lost(&report.job_id, "the queue does not confirm that it has it")
            }
            other => return other,
        }
        Ok(())
    }

    /// A job that is dead-lettered to a pool without a queue would stay in the retry queue and, a few of its kind
    /// later, stop that queue for everybody.
    async fn route_exists(&self, pool: &Pool) -> Result<(), PublishError> {
        let live = self.link.live().map_err(PublishError::Unavailable)?;
        match timeout_at(Instant::now() + SETTLE_WITHIN, topology::has_pool(&live.connection, pool)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(PublishError::Unroutable),
            Ok(Err(error)) => Err(PublishError::Unavailable(error.to_string())),
            Err(_) => Err(PublishError::Unavailable("the broker is too slow: nothing was sent".to_owned())),
        }
    }

    /// Publishes to a pool: one that is ours has its queue first.
    async fn to_pool(&self, pool: &Pool, letter: Letter, within: Duration) -> Result<(), PublishError> {
        let deadline = Instant::now() + within;
        if !self.link.is_ours(pool) {
            return self.publish(letter, within).await;
        }
        let live = self.link.live().map_err(PublishError::Unavailable)?;
        if timeout_at(deadline, live.declared(pool)).await.is_err() {
            return Err(PublishError::Unavailable(format!("the queue of pool {pool} is not declared")));
        }
        let result = counted(live.publish(letter, deadline - Instant::now()).await);
        if result == Err(PublishError::Unroutable) {
            self.link.redeclare(&live, pool); // somebody has deleted it; the next one finds it again
        }
        result
    }

    async fn publish(&self, letter: Letter, within: Duration) -> Result<(), PublishError> {
        let live = self.link.live().map_err(PublishError::Unavailable)?;
        counted(live.publish(letter, within).await)
    }
}

fn reply_letter(report: &SendReport, reply_to: &ReplyTo) -> Option<Letter> {
    let short = |text: &str| lapin::types::ShortString::try_new(text).ok();
    let queue = short(&reply_to.queue)?;
    let correlation_id = match &reply_to.correlation_id {
        Some(id) => Some(short(id)?),
        None => None,
    };
    Some(Letter {
        exchange: String::new(), // the default exchange: the routing key is a queue
        routing_key: queue.to_string(),
        body: report.to_json(),
        properties: properties::of_report(&report.job_id, correlation_id, now()),
    })
}

fn lost(job: &JobId, why: &'static str) {
    warn!(job.id = %job, why, "the queue that reply_to names did not get its report");
}

fn counted(result: Result<(), PublishError>) -> Result<(), PublishError> {
    let outcome = match &result {
        Ok(()) => "confirmed",
        Err(PublishError::Unavailable(_)) => "unavailable",
        Err(PublishError::Unroutable) => "unroutable",
        Err(PublishError::Full) => "full",
        Err(PublishError::Unconfirmed) => "unconfirmed",
    };
    metrics::counter!("mtan_queue_publishes_total", "outcome" => outcome).increment(1);
    result
}

/// The broker's clock and ours need not agree to the second: this only ever becomes a property of a message.
fn now() -> Timestamp {
    SystemClock.now()
}
