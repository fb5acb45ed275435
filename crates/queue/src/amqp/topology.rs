//! Exchanges and queues of the send contract: durable, declared by whoever comes first, the same everywhere.
//!
//! RabbitMQ refuses a second declaration with other arguments. What follows is therefore part of the contract:
//! operators change limits by policy, not here.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};
use mtan_jobs::Pool;

use super::delay::STEPS;

/// What all names of the contract begin with.
const OWN: &str = "mtan.";

/// Direct: the routing key is the pool.
pub(super) const SEND: &str = "mtan.send";
/// Topic: the routing key is `report.<pool>.<outcome>`.
pub(super) const REPORT: &str = "mtan.report";
/// The ledger's own queue on [`REPORT`].
pub(super) const LEDGER: &str = "mtan.report.otp-api";
/// Fanout and its queue: poison and what the broker gave up.
pub(super) const DEAD: &str = "mtan.dead";

/// Jobs that a pool's queue takes: admission control. Above it a publish is refused and nothing is stored.
const SEND_MAX_LENGTH: i64 = 100_000;

/// Deliveries of one job after which the broker buries it. RabbitMQ 4 sets 20 by itself, which a Redis or gateway
/// that is away for a minute would use up; the job's own deadline and attempt headers are what bounds a job, so this
/// is set where only a job that brings down every sender ever gets. (-1 for "none" is not known to 3.x.)
const DELIVERY_LIMIT: i64 = 1_000_000;

/// Reports that wait for the ledger. With no ledger at all the oldest go first: their challenges are long over.
const LEDGER_MAX_LENGTH: i64 = 1_000_000;

/// The dead are kept for a look and a redrive, not for ever: a week, and not more than fit on any disk.
const DEAD_MAX_LENGTH: i64 = 100_000;
const DEAD_KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Whether `queue` is a name of the contract's own, in whatever case: nobody may have something put there by its name.
pub(super) fn is_own(queue: &str) -> bool {
    queue.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN))
}

/// The queue of a pool.
pub(super) fn send_queue(pool: &Pool) -> String {
    format!("{SEND}.{pool}")
}

/// The fanout exchange, and its only queue, where jobs wait for up to `step` milliseconds. A fanout takes any routing
/// key and keeps it, so the pool that stands there survives the wait and leads back from [`SEND`].
pub(super) fn retry_queue(step: u32) -> String {
    format!("mtan.retry.{step}")
}

/// Declares everything that is not a pool's.
pub(super) async fn declare_base(connection: &Connection) -> lapin::Result<()> {
    let channel = connection.create_channel().await?; // thrown away: a refusal closes it
    exchange(&channel, SEND, ExchangeKind::Direct).await?;
    exchange(&channel, DEAD, ExchangeKind::Fanout).await?;
    let dead = quorum([("x-max-length", DEAD_MAX_LENGTH), ("x-message-ttl", DEAD_KEPT_MILLIS)], []);
    queue(&channel, DEAD, dead, DEAD, "").await?;
    for step in STEPS {
        let name = retry_queue(step);
        exchange(&channel, &name, ExchangeKind::Fanout).await?;
        queue(&channel, &name, retry_arguments(step), &name, "").await?;
    }
    declare_ledger_on(&channel).await
}

/// Declares the queue of `pool`, with what it is bound to.
pub(super) async fn declare_pool(connection: &Connection, pool: &Pool) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    exchange(&channel, SEND, ExchangeKind::Direct).await?;
    queue(&channel, &send_queue(pool), send_arguments(), SEND, pool.as_str()).await
}

/// Declares the ledger's queue, with what it is bound to.
pub(super) async fn declare_ledger(connection: &Connection) -> lapin::Result<()> {
    declare_ledger_on(&connection.create_channel().await?).await
}

/// Whether somebody has declared the queue of `pool`; an error says that it could not be asked.
pub(super) async fn has_pool(connection: &Connection, pool: &Pool) -> lapin::Result<bool> {
    match look(&connection.create_channel().await?, &send_queue(pool)).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_amqp_soft_error() => Ok(false), // 404 NOT_FOUND
        Err(error) => Err(error),
    }
}

/// Messages that wait in `queue`, and its consumers. A queue that is not there closes the channel.
pub(super) async fn look(channel: &Channel, queue: &str) -> lapin::Result<(u32, u32)> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
    Ok((found.message_count(), found.consumer_count()))
}

async fn declare_ledger_on(channel: &Channel) -> lapin::Result<()> {
    exchange(channel, REPORT, ExchangeKind::Topic).await?;
    queue(channel, LEDGER, quorum([("x-max-length", LEDGER_MAX_LENGTH)], []), REPORT, "report.#").await
}

fn send_arguments() -> FieldTable {
    quorum(
        [("x-max-length", SEND_MAX_LENGTH)],
        [
            ("x-overflow", "reject-publish"),
            ("x-dead-letter-exchange", DEAD),
            ("x-dead-letter-strategy", "at-least-once"), // is silently at-most-once without reject-publish
        ],
    )
}

fn retry_arguments(step: u32) -> FieldTable {
    quorum(
        [("x-message-ttl", i64::from(step))],
        [
            ("x-overflow", "reject-publish"),
            ("x-dead-letter-exchange", SEND), // and no routing key of its own: the pool's is kept
            ("x-dead-letter-strategy", "at-least-once"),
        ],
    )
}

fn quorum<const N: usize, const T: usize>(numbers: [(&str, i64); N], texts: [(&str, &str); T]) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
    for (name, number) in numbers {
        arguments.insert(name.into(), AMQPValue::LongLongInt(number));
    }
    for (name, text) in texts {
        arguments.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    arguments
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, durable, FieldTable::default()).await
}

async fn queue(
    channel: &Channel,
    name: &str,
    arguments: FieldTable,
    source: &str,
    routing_key: &str,
) -> lapin::Result<()> {
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await?;
    let bind = QueueBindOptions::default();
    channel.queue_bind(name.into(), source.into(), routing_key.into(), bind, FieldTable::default()).await
}
