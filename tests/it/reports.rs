//! A service that looks on from outside: a queue of its own on `mtan.report`, jobs of its own on `mtan.send`.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::house::PATIENCE;

/// Sees every report of the vhost, and publishes as another service does.
pub(crate) struct Onlooker {
    channel: Channel,
    reports: mpsc::UnboundedReceiver<Value>,
    seen: Vec<Value>,
    _connection: Connection,
}

impl Onlooker {
    /// Binds its queue; from now on no report is missed.
    pub(crate) async fn start(amqp_url: &str) -> Onlooker {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel
            .exchange_declare("mtan.report".into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await
            .unwrap();
        let own = QueueDeclareOptions { exclusive: true, ..Default::default() };
        channel.queue_declare("onlooker".into(), own, FieldTable::default()).await.unwrap();
        channel
            .queue_bind(
                "onlooker".into(),
                "mtan.report".into(),
                "report.#".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        let mut consumer = channel
            .basic_consume(
                "onlooker".into(),
                "onlooker".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        let (sender, reports) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                let report: Value = serde_json::from_slice(&delivery.data).unwrap();
                let key = format!(
                    "report.{}.{}",
                    report["pool"].as_str().unwrap(),
                    report["outcome"].as_str().unwrap()
                );
                assert_eq!(delivery.routing_key.as_str(), key);
                drop(delivery.ack(BasicAckOptions::default()).await);
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        Onlooker { channel, reports, seen: Vec::new(), _connection: connection }
    }

    /// The next report; waits for it.
    pub(crate) async fn next(&mut self) -> Value {
        let report = timeout(PATIENCE, self.reports.recv()).await;
        let report = report.unwrap_or_else(|_| panic!("no further report; so far: {:?}", self.seen)).unwrap();
        self.seen.push(report.clone());
        report
    }

    /// Every final report so far by job, those included that were published before a marker job of the caller's went through.
    pub(crate) fn finals(&mut self) -> HashMap<String, Vec<String>> {
        while let Ok(report) = self.reports.try_recv() {
            self.seen.push(report);
        }
        let mut finals: HashMap<String, Vec<String>> = HashMap::new();
        for report in &self.seen {
            let outcome = report["outcome"].as_str().unwrap().to_owned();
            finals.entry(report["job_id"].as_str().unwrap().to_owned()).or_default().push(outcome);
        }
        finals
    }

    /// Publishes any body to `mtan.send` for `pool`, persistent, and waits for the confirm.
    pub(crate) async fn publish(&self, pool: &str, body: &[u8]) {
        let properties =
            BasicProperties::default().with_delivery_mode(2).with_content_type("application/json".into());
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let confirm = self
            .channel
            .basic_publish("mtan.send".into(), pool.into(), options, body, properties)
            .await
            .unwrap();
        let confirm = confirm.await.unwrap();
        assert!(matches!(confirm, lapin::Confirmation::Ack(None)), "routed and stored: {confirm:?}");
    }

    /// Takes one letter from `mtan.dead`: its body and the reason in its headers; waits for it.
    pub(crate) async fn dead_letter(&self) -> (Vec<u8>, String) {
        mtan_testkit::wait_until("a dead letter", PATIENCE, async || {
            match self.channel.basic_get("mtan.dead".into(), BasicGetOptions { no_ack: true }).await {
                Ok(Some(letter)) => Ok((letter.data.to_vec(), reason(&letter.properties))),
                Ok(None) => Err("the queue is empty".to_owned()),
                Err(error) => panic!("{error}"),
            }
        })
        .await
    }

    /// Whether a queue is empty; waits until it is.
    pub(crate) async fn wait_until_empty(&self, queue: &str) {
        mtan_testkit::wait_until(queue, Duration::from_secs(30), async || {
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            let state = self.channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
            match state.map(|q| q.message_count()).map_err(|e| e.to_string())? {
                0 => Ok(()),
                n => Err(format!("{n} messages are ready")),
            }
        })
        .await;
    }
}

fn reason(properties: &BasicProperties) -> String {
    let headers = properties.headers().as_ref().expect("a dead letter has headers");
    match headers.inner().get("x-mtan-reason") {
        Some(AMQPValue::LongString(reason)) => reason.to_string(),
        other => panic!("no x-mtan-reason: {other:?}"),
    }
}
