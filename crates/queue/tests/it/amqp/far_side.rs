//! The broker as somebody else sees it, who does not use our code.

use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use mtan_testkit::proxy::Proxy;

/// A vhost by its URL.
#[derive(Debug, Clone)]
pub(super) struct FarSide {
    url: String,
}

impl FarSide {
    pub(super) fn new(url: &str) -> FarSide {
        FarSide { url: url.to_owned() }
    }

    pub(super) fn port(&self) -> u16 {
        let (_, address) = self.url.split_once('@').unwrap();
        let (_, port) = address.split_once(':').unwrap();
        port.split_once('/').unwrap().0.parse().unwrap()
    }

    /// The same vhost, by way of `line`.
    pub(super) fn url_over(&self, line: &Proxy) -> String {
        self.url.replace(&format!(":{}/", self.port()), &format!(":{}/", line.port()))
    }

    /// Somebody else's channel, on a connection that lives as long as it.
    pub(super) async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    /// All that lies in `queue`, which stays there.
    pub(super) async fn look(&self, queue: &str) -> Vec<Delivery> {
        let (connection, channel) = self.channel().await;
        let mut found = Vec::new();
        while let Some(got) = channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap() {
            found.push(got.delivery);
        }
        connection.close(200, "".into()).await.unwrap();
        found
    }

    /// Takes the oldest message of `queue` away.
    pub(super) async fn take(&self, queue: &str) -> Option<Delivery> {
        let (connection, channel) = self.channel().await;
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap()?;
        got.delivery.ack(BasicAckOptions::default()).await.unwrap();
        connection.close(200, "".into()).await.unwrap();
        Some(got.delivery)
    }

    /// A queue of somebody's own.
    pub(super) async fn declare(&self, queue: &str) {
        let (_connection, channel) = self.channel().await;
        channel
            .queue_declare(queue.into(), QueueDeclareOptions::durable(), FieldTable::default())
            .await
            .unwrap();
    }

    pub(super) async fn delete(&self, queue: &str) {
        let (_connection, channel) = self.channel().await;
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }

    /// Publishes as another service would, and waits for the confirm.
    pub(super) async fn publish(&self, key: &str, body: &[u8], properties: BasicProperties) {
        let (_connection, channel) = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = channel.basic_publish("mtan.send".into(), key.into(), options, body, properties).await;
        assert_eq!(sent.unwrap().await.unwrap(), Confirmation::Ack(None));
    }
}

/// A header that holds text.
pub(super) fn header(message: &Delivery, name: &str) -> Option<String> {
    match message.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}
