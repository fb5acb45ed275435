//! What every queue promises about reports.

use mtan_jobs::{ReportConsumer, ReportDelivery, SendReport};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Bench, PATIENCE, ready, report};

/// A report consumer that consumes.
async fn consumer(bench: &impl Bench) -> (Box<dyn ReportConsumer>, CancellationToken) {
    let stop = CancellationToken::new();
    let consumer = bench.queue().report_consumer(stop.clone());
    ready(bench).await;
    (consumer, stop)
}

async fn publish(bench: &impl Bench, reports: &[SendReport]) {
    let publisher = bench.queue().report_publisher();
    ready(bench).await;
    for report in reports {
        publisher.report(report, None).await.unwrap();
    }
}

async fn next(consumer: &mut Box<dyn ReportConsumer>) -> (ReportDelivery, SendReport) {
    let delivery = timeout(PATIENCE, consumer.next()).await.expect("a report comes").expect("not stopped");
    let report = SendReport::from_json(&delivery.body).unwrap();
    (delivery, report)
}

fn some(count: usize) -> Vec<SendReport> {
    (0..count).map(|n| report(&format!("job-{n}"), "ID: 4711")).collect()
}

pub(crate) async fn reports_come_in_order_and_go_when_acknowledged(mut bench: impl Bench) {
    let sent = some(20);
    // The ledger's queue is there before the first report, whoever comes first.
    let (mut first, _stop) = consumer(&bench).await;
    publish(&bench, &sent).await;
    for expected in &sent {
        let (delivery, report) = next(&mut first).await;
        assert_eq!(&report, expected);
        delivery.receipt.ack().await.unwrap();
    }
    // an acknowledgement has no answer: what is said behind it, and answered, tells that it has arrived
    let _behind = consumer(&bench).await;
    bench.crash().await;
    let marker = report("marker", "");
    publish(&bench, std::slice::from_ref(&marker)).await;
    let (mut second, _stop) = consumer(&bench).await;
    assert_eq!(next(&mut second).await.1, marker, "an acknowledged report came again");
}

pub(crate) async fn a_report_survives_a_crash_until_it_is_acknowledged(mut bench: impl Bench) {
    let sent = some(3);
    publish(&bench, &sent).await;
    let (mut first, _stop) = consumer(&bench).await;
    let _in_hand = next(&mut first).await;
    bench.crash().await;
    let (mut second, _stop) = consumer(&bench).await;
    for expected in &sent {
        let (delivery, report) = next(&mut second).await;
        assert_eq!(&report, expected);
        delivery.receipt.ack().await.unwrap();
    }
}

pub(crate) async fn a_report_given_back_comes_again(bench: impl Bench) {
    let sent = some(1);
    publish(&bench, &sent).await;
    let (mut consumer, _stop) = consumer(&bench).await;
    for _ in 0..3 {
        let (delivery, report) = next(&mut consumer).await;
        assert_eq!(report, sent[0]);
        delivery.receipt.give_back().await.unwrap();
    }
    let (delivery, _) = next(&mut consumer).await;
    delivery.receipt.ack().await.unwrap();
}

pub(crate) async fn a_stopped_report_consumer_says_so(bench: impl Bench) {
    let (mut consumer, stop) = consumer(&bench).await;
    let waiting = tokio::spawn(async move { consumer.next().await.is_none() });
    stop.cancel();
    assert!(timeout(PATIENCE, waiting).await.expect("it answers").unwrap());
}
