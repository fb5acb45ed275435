//! The outbox relay and the ledger's clerk.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mtan_jobs::{
    Outcome, ReportCode, ReportConsumer, ReportDelivery, ReportReceipt, SendReport, SettleError,
};
use mtan_testkit::wait_until;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::hand::Mood;
use crate::house::House;

const LONG: Duration = Duration::from_secs(10);

/// Reports that the test puts in; one that is given back comes again, as from a queue.
pub(crate) struct Reports {
    bodies: mpsc::UnboundedReceiver<Vec<u8>>,
    desk: Arc<Desk>,
    stop: CancellationToken,
}

pub(crate) struct Desk {
    back: mpsc::UnboundedSender<Vec<u8>>,
    acked: Mutex<usize>,
    given_back: Mutex<usize>,
}

struct Receipt {
    body: Vec<u8>,
    desk: Arc<Desk>,
}

/// An empty queue of reports, and what became of those that were in it.
pub(crate) fn reports(stop: &CancellationToken) -> (Box<Reports>, Arc<Desk>) {
    let (back, bodies) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk { back, acked: Mutex::new(0), given_back: Mutex::new(0) });
    (Box::new(Reports { bodies, desk: desk.clone(), stop: stop.clone() }), desk)
}

impl Desk {
    fn put(&self, report: &SendReport) {
        self.back.send(report.to_json()).unwrap();
    }

    fn acked(&self) -> usize {
        *self.acked.lock().unwrap()
    }
}

#[async_trait]
impl ReportConsumer for Reports {
    async fn next(&mut self) -> Option<ReportDelivery> {
        let body = self.stop.run_until_cancelled(self.bodies.recv()).await??;
        let receipt = Receipt { body: body.clone(), desk: self.desk.clone() };
        Some(ReportDelivery { body, receipt: Box::new(receipt) })
    }
}

#[async_trait]
impl ReportReceipt for Receipt {
    async fn ack(self: Box<Self>) -> Result<(), SettleError> {
        *self.desk.acked.lock().unwrap() += 1;
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), SettleError> {
        *self.desk.given_back.lock().unwrap() += 1;
        self.desk.back.send(self.body).map_err(|e| SettleError(e.to_string()))
    }
}

async fn outcome(house: &House) -> Option<Outcome> {
    let entry = house.verifier.ledger_entry(&house.queue.last().id).await.unwrap();
    entry.and_then(|entry| entry.outcome).map(|report| report.outcome)
}

async fn drained(house: &House) {
    wait_until("an empty outbox", LONG, async || match house.verifier.outbox_depth().await.unwrap() {
        0 => Ok(()),
        depth => Err(format!("{depth} wait")),
    })
    .await;
}

#[tokio::test]
async fn a_report_is_kept_and_then_acknowledged_and_a_repeated_one_changes_nothing() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    let (consumer, desk) = reports(&stop);
    let background = house.api.spawn_background(consumer, stop.clone());
    house.trigger().await;
    let job = house.queue.last();
    desk.put(&house.report(&job, Outcome::Accepted, ReportCode::GatewayAccepted));
    wait_until("the first", LONG, async || if desk.acked() == 1 { Ok(()) } else { Err("unacked".into()) })
        .await;
    assert_eq!(outcome(&house).await, Some(Outcome::Accepted));
    desk.put(&house.report(&job, Outcome::Rejected, ReportCode::GatewayRejected));
    wait_until("the second", LONG, async || if desk.acked() == 2 { Ok(()) } else { Err("unacked".into()) })
        .await;
    assert_eq!(outcome(&house).await, Some(Outcome::Accepted), "the first report stays");
    stop.cancel();
    background.wait().await;
}

#[tokio::test]
async fn a_malformed_report_holds_up_nobody() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    let (consumer, desk) = reports(&stop);
    let background = house.api.spawn_background(consumer, stop.clone());
    house.trigger().await;
    for body in [&b""[..], b"{}", b"\xff\xfe", b"{\"v\":2}", b"[]"] {
        desk.back.send(body.to_vec()).unwrap();
    }
    desk.put(&house.report(&house.queue.last(), Outcome::Accepted, ReportCode::GatewayAccepted));
    wait_until("all of them", LONG, async || match desk.acked() {
        6 => Ok(()),
        acked => Err(format!("{acked} acknowledged")),
    })
    .await;
    assert_eq!(outcome(&house).await, Some(Outcome::Accepted));
    assert_eq!(*desk.given_back.lock().unwrap(), 0);
    stop.cancel();
    background.wait().await;
}

#[tokio::test]
async fn a_report_waits_for_a_store_that_is_away() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    house.trigger().await;
    let (consumer, desk) = reports(&stop);
    house.store.mood.set(Mood::Away);
    let background = house.api.spawn_background(consumer, stop.clone());
    desk.put(&house.report(&house.queue.last(), Outcome::Accepted, ReportCode::GatewayAccepted));
    wait_until("a report given back", LONG, async || match *desk.given_back.lock().unwrap() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    })
    .await;
    assert_eq!(desk.acked(), 0, "never acknowledged before it is kept");
    house.store.mood.set(Mood::Well);
    wait_until("the report", LONG, async || if desk.acked() == 1 { Ok(()) } else { Err("unacked".into()) })
        .await;
    assert_eq!(outcome(&house).await, Some(Outcome::Accepted));
    stop.cancel();
    background.wait().await;
}

#[tokio::test]
async fn a_confirmed_job_leaves_the_outbox_and_is_not_sent_again() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    let background = house.api.spawn_background(reports(&stop).0, stop.clone());
    house.trigger().await;
    drained(&house).await;
    house.clock.turn(Duration::from_secs(60));
    stop.cancel();
    background.wait().await;
    assert_eq!(house.queue.count(), 1);
}

#[tokio::test]
async fn what_is_confirmed_before_the_stop_is_settled_by_the_stop() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    house.trigger().await;
    assert_eq!(house.verifier.outbox_depth().await.unwrap(), 1);
    stop.cancel();
    house.api.spawn_background(reports(&stop).0, stop).wait().await;
    assert_eq!(house.verifier.outbox_depth().await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_that_was_not_confirmed_is_relayed_once_the_queue_is_back() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    let background = house.api.spawn_background(reports(&stop).0, stop.clone());
    // Silent, not away: the challenge is open and its job in the outbox when the answer has to be no.
    house.queue.mood.set(Mood::Silent);
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value());
    assert_eq!(house.verifier.outbox_depth().await.unwrap(), 1);
    house.queue.mood.set(Mood::Well);
    house.clock.turn(Duration::from_secs(6));
    drained(&house).await;
    assert_eq!(house.queue.count(), 1);
    let again = house.post("/validate/check", "user=alice&pass=1234").await;
    assert_eq!(again.json()["detail"]["info"], "challenge already submitted");
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{}", house.code())).await.value());
    stop.cancel();
    background.wait().await;
}

#[tokio::test]
async fn the_relay_outlives_a_store_that_is_away() {
    let (house, stop) = (House::new().await, CancellationToken::new());
    house.trigger().await;
    house.store.mood.set(Mood::Away);
    let background = house.api.spawn_background(reports(&stop).0, stop.clone());
    wait_until("a failed turn", LONG, async || match house.verifier.relay().await {
        Err(_) => Ok(()),
        Ok(taken) => Err(format!("{taken} taken")),
    })
    .await;
    house.store.mood.set(Mood::Well);
    drained(&house).await;
    stop.cancel();
    background.wait().await;
}
