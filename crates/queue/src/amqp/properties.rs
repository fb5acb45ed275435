//! What travels beside a body: AMQP properties and headers, written and read.

use std::time::Duration;

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use mtan_jobs::{Attempts, JobId, Poison, Pool, ReplyTo, SendJob};
use tracing::warn;

use super::topology;

/// Hand-overs tried, over all pools.
const ATTEMPT: &str = "x-mtan-attempt";
/// Hand-overs tried in the pool whose queue the job is in.
const ATTEMPT_IN_POOL: &str = "x-mtan-attempt-in-pool";
/// Why a job is among the dead: a [`mtan_jobs::PoisonReason`].
const REASON: &str = "x-mtan-reason";
/// What is wrong with it, in words.
const FAULTS: &str = "x-mtan-faults";
/// The pool in whose queue it was.
const POOL: &str = "x-mtan-pool";
/// Headers of the publisher's that stay with the job. No others: RabbitMQ acts on some (`CC`, `BCC`), and counts
/// others (`x-death`) to break what looks like a circle.
const KEPT: [&str; 2] = ["traceparent", "tracestate"];

/// Bytes of a header that is kept; a longer one is dropped, and with it one trace. W3C asks for 512 at least.
const KEPT_MAX: usize = 1024;

/// Bytes of [`FAULTS`]: all headers together have to fit into one frame, of which `address.rs` sets the size.
const FAULTS_MAX: usize = 4096;

/// How long after its deadline the broker buries a job of its own accord. It does so without a report, so it is left
/// to the senders, who see the deadline and report `expired`, unless there has been none for that long.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// The longest expiration that RabbitMQ takes, in milliseconds.
const EXPIRATION_MAX: i64 = u32::MAX as i64;

const PERSISTENT: u8 = 2;

/// The properties of a job that is published at `now`.
pub(super) fn of_job(job: &SendJob, now: Timestamp) -> BasicProperties {
    let properties =
        json(job.id.as_str(), now).with_headers(counted(FieldTable::default(), Attempts::default()));
    match expiration(job, now) {
        Some(millis) => properties.with_expiration(millis.to_string().into()),
        None => properties,
    }
}

/// The properties of a report.
pub(super) fn of_report(id: &JobId, correlation_id: Option<ShortString>, now: Timestamp) -> BasicProperties {
    let properties = json(id.as_str(), now);
    match correlation_id {
        Some(correlation_id) => properties.with_correlation_id(correlation_id),
        None => properties,
    }
}

/// The properties of the same job on its way to another try. Whatever waits in a retry queue gets the wait as its
/// expiration: the broker takes that away when it is over, and the sender looks at the deadline itself.
pub(super) fn of_another_try(
    original: &BasicProperties,
    attempts: Attempts,
    wait: Option<u32>,
    now: Timestamp,
) -> BasicProperties {
    let mut properties = kept(original, now).with_headers(counted(kept_headers(original), attempts));
    let expiration = wait.map(|millis| millis.to_string().into()).or_else(|| original.expiration().clone());
    if let Some(expiration) = expiration {
        properties = properties.with_expiration(expiration);
    }
    properties
}

/// The properties of a job among the dead.
pub(super) fn of_dead(
    original: &BasicProperties,
    pool: &Pool,
    poison: &Poison,
    now: Timestamp,
) -> BasicProperties {
    let mut headers = counted(kept_headers(original), attempts(original));
    for (name, text) in
        [(REASON, poison.reason.as_str()), (FAULTS, &cut(poison.summary())), (POOL, pool.as_str())]
    {
        headers.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    kept(original, now).with_headers(headers)
}

/// The tries that lie behind a job.
pub(super) fn attempts(properties: &BasicProperties) -> Attempts {
    Attempts { total: number(properties, ATTEMPT), in_pool: number(properties, ATTEMPT_IN_POOL) }
}

/// When a job was published, to the second; `now` if its publisher says that it will be: its life counts from there.
pub(super) fn published_at(properties: &BasicProperties, now: Timestamp) -> Option<Timestamp> {
    let seconds = i64::try_from((*properties.timestamp())?).ok()?;
    Timestamp::from_second(seconds).ok().map(|at| at.min(now))
}

/// Where the publisher wants the report, too. A queue of the contract's own is not his to name: a report among the jobs is
/// poison, and in a retry queue it stops every retry.
pub(super) fn reply_to(properties: &BasicProperties) -> Option<ReplyTo> {
    let queue = properties.reply_to().as_ref()?.to_string();
    let correlation_id = properties.correlation_id().as_ref().map(ToString::to_string);
    if topology::is_own(&queue) {
        let id = properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
        warn!(message.id = id, queue, "reply_to names a queue of our own: no report goes there");
        return None;
    }
    Some(ReplyTo { queue, correlation_id }).filter(|reply_to| !reply_to.queue.is_empty())
}

fn json(id: &str, now: Timestamp) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(id.into())
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(seconds(now))
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

fn expiration(job: &SendJob, now: Timestamp) -> Option<i64> {
    let left = job.deadline(now).as_millisecond().saturating_sub(now.as_millisecond()).max(0);
    let grace = i64::try_from(GRACE.as_millis()).unwrap_or(i64::MAX);
    Some(left.saturating_add(grace)).filter(|millis| *millis <= EXPIRATION_MAX)
}

/// What identifies a job stays; who published it, and by what rights (`user-id`), does not.
fn kept(original: &BasicProperties, now: Timestamp) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_timestamp((*original.timestamp()).unwrap_or_else(|| seconds(now)));
    if let Some(id) = original.message_id() {
        properties = properties.with_message_id(id.clone());
    }
    if let Some(content_type) = original.content_type() {
        properties = properties.with_content_type(content_type.clone());
    }
    if let Some(queue) = original.reply_to().as_ref().filter(|queue| !topology::is_own(queue.as_str())) {
        properties = properties.with_reply_to(queue.clone());
    }
    if let Some(id) = original.correlation_id() {
        properties = properties.with_correlation_id(id.clone());
    }
    properties
}

fn kept_headers(original: &BasicProperties) -> FieldTable {
    let mut headers = FieldTable::default();
    for (name, value) in original.headers().iter().flat_map(|table| table.inner()) {
        let short = matches!(value, AMQPValue::LongString(text) if text.as_bytes().len() <= KEPT_MAX);
        if short && KEPT.contains(&name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers
}

fn counted(mut headers: FieldTable, attempts: Attempts) -> FieldTable {
    headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt(attempts.total.into()));
    headers.insert(ATTEMPT_IN_POOL.into(), AMQPValue::LongLongInt(attempts.in_pool.into()));
    headers
}

/// A count in a header, in whatever integer type the publisher's library has chosen; 0 where there is none.
fn number(properties: &BasicProperties, name: &str) -> u32 {
    let value = properties.headers().as_ref().and_then(|headers| headers.inner().get(name));
    let number = match value {
        Some(AMQPValue::ShortShortInt(n)) => i64::from(*n),
        Some(AMQPValue::ShortShortUInt(n)) => i64::from(*n),
        Some(AMQPValue::ShortInt(n)) => i64::from(*n),
        Some(AMQPValue::ShortUInt(n)) => i64::from(*n),
        Some(AMQPValue::LongInt(n)) => i64::from(*n),
        Some(AMQPValue::LongUInt(n)) => i64::from(*n),
        Some(AMQPValue::LongLongInt(n)) => *n,
        _ => 0,
    };
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn cut(mut text: String) -> String {
    if text.len() > FAULTS_MAX {
        text.truncate(text.floor_char_boundary(FAULTS_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millisecond(1_764_000_000_500).unwrap()
    }

    fn job(expires_at: Option<Timestamp>) -> SendJob {
        let body = br#"{"v":1,"id":"job-1","to":"+491701234567","text":"Your code is 123456"}"#;
        SendJob { expires_at, ..SendJob::from_json(body).unwrap() }
    }

    #[test]
    fn a_job_is_persistent_json_that_the_broker_buries_an_hour_after_its_deadline() {
        let properties = of_job(&job(Some(now() + Duration::from_secs(300))), now());
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), "job-1");
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
        assert_eq!(properties.delivery_mode(), &Some(2));
        assert_eq!(published_at(&properties, now()), Some(Timestamp::from_second(1_764_000_000).unwrap()));
        assert_eq!(properties.expiration().as_ref().unwrap().as_str(), "3900000");
        assert_eq!(attempts(&properties), Attempts::default());
    }

    #[test]
    fn an_expiration_stays_within_what_the_broker_takes() {
        let expiration =
            |expires_at| of_job(&job(expires_at), now()).expiration().as_ref().map(ToString::to_string);
        assert_eq!(expiration(None).as_deref(), Some("90000000"), "24 hours and one");
        assert_eq!(expiration(Some(now() - Duration::from_secs(9000))).as_deref(), Some("3600000"));
        assert_eq!(expiration(Some(Timestamp::MAX)).as_deref(), Some("608400000"), "7 days and an hour");
    }

    #[test]
    fn a_time_of_publishing_that_lies_ahead_is_not_believed() {
        for (seconds, expected) in [(1_764_000_000, 1_764_000_000_000), (253_402_207_200, 1_764_000_000_500)]
        {
            let properties = BasicProperties::default().with_timestamp(seconds);
            assert_eq!(published_at(&properties, now()).unwrap().as_millisecond(), expected);
        }
    }

    #[test]
    fn no_report_goes_to_a_queue_of_our_own_by_its_name() {
        for (queue, taken) in [
            ("mtan.retry.1000", false),
            ("mtan.send.default", false),
            ("MTAN.Dead", false),
            ("mtan.", false),
            ("mtan", true),
            ("mtan-answers", true),
            ("amq.rabbitmq.reply-to.g1", true),
            ("Ämtan.send", true),
            ("", false),
        ] {
            let original = BasicProperties::default().with_reply_to(queue.into());
            assert_eq!(reply_to(&original).is_some(), taken, "{queue}");
            let copy = of_another_try(&original, Attempts::default(), None, now());
            assert_eq!(reply_to(&copy).is_some(), taken, "{queue}");
        }
    }

    #[test]
    fn another_try_keeps_what_identifies_the_job_and_nothing_the_broker_acts_on() {
        let mut headers = FieldTable::default();
        for name in ["traceparent", "CC", "x-death", "x-delivery-count"] {
            headers.insert(name.into(), AMQPValue::LongString(name.into()));
        }
        let original = of_job(&job(None), now())
            .with_headers(headers)
            .with_user_id("somebody".into())
            .with_reply_to("answers".into())
            .with_correlation_id("c-1".into());
        let tries = Attempts { total: 3, in_pool: 1 };
        let copy = of_another_try(&original, tries, Some(1500), now() + Duration::from_secs(60));
        assert_eq!(attempts(&copy), tries);
        let later = now() + Duration::from_secs(60);
        assert_eq!(published_at(&copy, later), published_at(&original, later), "the deadline may hang on it");
        assert_eq!(copy.expiration().as_ref().unwrap().as_str(), "1500");
        assert_eq!(copy.user_id(), &None);
        let wanted = ReplyTo { queue: "answers".to_owned(), correlation_id: Some("c-1".to_owned()) };
        assert_eq!(reply_to(&copy), Some(wanted));
        let names: Vec<_> =
            copy.headers().as_ref().unwrap().inner().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["traceparent", "x-mtan-attempt", "x-mtan-attempt-in-pool"]);
        let at_once = of_another_try(&original, tries, None, now());
        assert_eq!(at_once.expiration(), original.expiration());
    }

    #[test]
    fn a_header_without_measure_is_not_kept() {
        for (value, kept) in [
            (AMQPValue::LongString("t".repeat(1024).into()), true),
            (AMQPValue::LongString("t".repeat(1025).into()), false),
            (AMQPValue::FieldArray(vec![AMQPValue::Void; 40_000].into()), false),
        ] {
            let mut headers = FieldTable::default();
            headers.insert("tracestate".into(), value);
            let copy = of_another_try(
                &BasicProperties::default().with_headers(headers),
                Attempts::default(),
                None,
                now(),
            );
            let headers = copy.headers().as_ref().unwrap().inner();
            assert_eq!(headers.contains_key("tracestate"), kept);
        }
    }

    #[test]
    fn counts_are_read_from_every_integer_type() {
        for (value, expected) in [
            (AMQPValue::ShortShortUInt(7), 7),
            (AMQPValue::LongInt(7), 7),
            (AMQPValue::LongInt(-7), 0),
            (AMQPValue::LongLongInt(i64::MAX), u32::MAX),
            (AMQPValue::LongString("7".into()), 0),
        ] {
            let mut headers = FieldTable::default();
            headers.insert(ATTEMPT.into(), value);
            let properties = BasicProperties::default().with_headers(headers);
            assert_eq!(attempts(&properties), Attempts { total: expected, in_pool: 0 });
        }
    }

    #[test]
    fn faults_are_cut_between_characters() {
        assert_eq!(cut("é".repeat(5000)).len(), 4096);
        assert_eq!(cut("short".to_owned()), "short");
    }
}
