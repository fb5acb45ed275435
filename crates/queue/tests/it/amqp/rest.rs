//! A consumer that rests, as the broker sees it: no consumer, and nothing that is set aside for one.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use mtan_testkit::wait_until;
use tokio::time::timeout;

use super::{FarSide, OnBroker};
use crate::suite::{Bench, PATIENCE, consumer, job, next, publisher, ready};

/// Messages that wait for anybody, and consumers. On 3.10 a consumer of a quorum queue that was cancelled is counted for
/// as long as anything of it is in hand.
async fn seen(far_side: &FarSide) -> (u32, u32) {
    let (connection, channel) = far_side.channel().await;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found =
        channel.queue_declare("mtan.send.alpha".into(), passive, FieldTable::default()).await.unwrap();
    connection.close(200, "".into()).await.unwrap();
    (found.message_count(), found.consumer_count())
}

async fn until_seen(bench: &OnBroker, what: &str, wanted: impl Fn(u32, u32) -> bool) {
    wait_until(what, PATIENCE, async || {
        let (waiting, consumers) = seen(&bench.far_side).await;
        if wanted(waiting, consumers) { Ok(()) } else { Err(format!("{waiting} wait, {consumers} consume")) }
    })
    .await;
}

#[tokio::test]
async fn a_resting_consumer_holds_nothing_at_the_broker_but_what_is_in_hand() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    for n in 0..10 {
        publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await.unwrap();
    }
    let mut consumer = consumer(&bench, "alpha", 4).await;
    let in_hand = next(&mut consumer).await;
    until_seen(&bench, "four to be set aside", |waiting, _| waiting == 6).await;
    consumer.fetch(0).await;
    until_seen(&bench, "three to be back", |waiting, _| waiting == 9).await;
    consumer.fetch(1).await;
    until_seen(&bench, "one to be set aside, beside the one in hand", |waiting, _| waiting == 8).await;
    in_hand.receipt.ack().await.unwrap();
    consumer.fetch(4).await;
    until_seen(&bench, "four to be set aside again", |waiting, consumers| (waiting, consumers) == (5, 1))
        .await;
    consumer.fetch(0).await;
    until_seen(&bench, "all to be back", |waiting, consumers| (waiting, consumers) == (9, 0)).await;
}

#[tokio::test]
async fn a_rest_begins_and_ends_also_while_the_broker_is_away() {
    let bench = OnBroker::fresh().await;
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut consumer = consumer(&bench, "alpha", 4).await;
    bench.line.cut().await;
    timeout(PATIENCE, consumer.fetch(0)).await.expect("it does not wait for the broker");
    bench.line.resume();
    until_seen(&bench, "nobody to consume", |waiting, consumers| (waiting, consumers) == (1, 0)).await;
    ready(&bench).await;
    consumer.fetch(4).await;
    next(&mut consumer).await.receipt.ack().await.unwrap();
    until_seen(&bench, "all to be done", |waiting, consumers| (waiting, consumers) == (0, 1)).await;
}
