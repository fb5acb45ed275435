//! The bare side's own broker topology: queues of the same kind as ours, under names of their own.

use anyhow::bail;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};

/// Direct; the routing key is the pool.
pub(crate) const SEND: &str = "bare.send";
/// The queue of jobs.
pub(crate) const JOBS: &str = "bare.send.default";
/// Topic.
pub(crate) const REPORT: &str = "bare.report";
/// The queue of reports.
pub(crate) const REPORTS: &str = "bare.report.ledger";
/// Our own queues, which are emptied between rounds too.
pub(crate) const OUR_JOBS: &str = "mtan.send.default";
pub(crate) const OUR_REPORTS: &str = "mtan.report.otp-api";

/// A connection of the benchmark's own, with the bare topology declared.
pub(crate) struct Broker {
    pub(crate) connection: Connection,
    /// For declarations and purges.
    channel: Channel,
}

impl Broker {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Broker> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let broker = Broker { connection, channel };
        let (text, number) = (|t: &str| AMQPValue::LongString(t.into()), AMQPValue::LongLongInt);
        broker.exchange(SEND, ExchangeKind::Direct).await?;
        let jobs = [
            ("x-max-length", number(100_000)),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text("bare.dead")),
            ("x-dead-letter-strategy", text("at-least-once")),
        ];
        broker.queue(JOBS, jobs, SEND, "default").await?;
        broker.exchange(REPORT, ExchangeKind::Topic).await?;
        broker.queue(REPORTS, [("x-max-length", number(1_000_000))], REPORT, "report.#").await?;
        Ok(broker)
    }

    /// A channel that confirms.
    pub(crate) async fn confirming(&self) -> anyhow::Result<Channel> {
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    /// Empties queues, so that no round works on a longer backlog than another.
    pub(crate) async fn purge(&self, queues: &[&str]) -> anyhow::Result<()> {
        for queue in queues {
            self.channel.queue_purge((*queue).into(), QueuePurgeOptions::default()).await?;
        }
        Ok(())
    }

    async fn exchange(&self, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        self.channel.exchange_declare(name.into(), kind, durable, FieldTable::default()).await
    }

    async fn queue<const N: usize>(
        &self,
        name: &str,
        more: [(&str, AMQPValue); N],
        source: &str,
        key: &str,
    ) -> lapin::Result<()> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(1_000_000));
        for (argument, value) in more {
            arguments.insert(argument.into(), value);
        }
        self.channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await?;
        let bind = QueueBindOptions::default();
        self.channel.queue_bind(name.into(), source.into(), key.into(), bind, FieldTable::default()).await
    }
}

/// Publishes and waits until the broker has stored it; everything else is an error.
pub(crate) async fn publish(channel: &Channel, exchange: &str, key: &str, body: &[u8]) -> anyhow::Result<()> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id("01939f0c-6d7e-7fff-bfff-ffffffffffff".into())
        .with_delivery_mode(2);
    let confirm = channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?;
    match confirm.await? {
        Confirmation::Ack(None) => Ok(()),
        other => bail!("not stored: {other:?}"),
    }
}
