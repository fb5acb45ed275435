//! SIGTERM: takes no more, finishes what is in hand, within its time.

use std::time::Duration;

use mtan_jobs::{Outcome, ReportCode};
use mtan_sender::Rules;
use mtan_sender::UnknownRule::Resend;
use tokio::time::sleep;

use crate::script::Act;
use crate::world::{Mood, World, job};

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_in_hand_and_takes_no_more() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender_with(
        "a",
        Resend,
        vec![Act::AcceptAfter(20)],
        Rules { max_in_flight: 1, ..Rules::default() },
    );
    world.until_noted("hand over").await;
    world.inbox.put("a", job("2", &["a"]));
    sender.stop.cancel();
    sender.task.await.unwrap();
    assert_eq!(world.diary.lines(), ["hand over", "cancel", "settle", "report accepted", "ack"]);
    assert_eq!(world.inbox.waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_sender_stops_at_once() {
    let world = World::new();
    let sender = world.sender("a", Resend, vec![]);
    sleep(Duration::from_secs(1)).await;
    sender.stop.cancel();
    sender.task.await.unwrap();
    assert_eq!((world.seconds(), world.diary.lines()), (1, vec!["cancel".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_longer_than_its_drain_time_and_the_job_comes_again() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let first = world.sender("a", Resend, vec![Act::Hang]);
    world.until_noted("hand over").await;
    first.stop.cancel();
    first.task.await.unwrap();
    assert_eq!(world.seconds(), 25);
    assert_eq!(world.inbox.waiting(), 1);
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(second.script.sent().len(), 1);
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
    assert_eq!(world.book.unknowns("1"), 1, "the first hand-over is counted");
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_claim_book_is_away_gives_the_job_back_unharmed() {
    let world = World::new();
    world.book.mood.set(Mood::Fails);
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![]);
    world.until("it is in hand", || world.inbox.waiting() == 0).await;
    sender.stop.cancel();
    sender.task.await.unwrap();
    assert_eq!(world.seconds(), 0);
    assert_eq!(world.diary.lines(), ["cancel", "give back"]);
    assert_eq!(world.inbox.waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_reports_cannot_be_published_leaves_the_report_to_the_next_sender() {
    let world = World::new();
    world.reports.mood.set(Mood::Fails);
    world.inbox.put("a", job("1", &["a"]));
    let first = world.sender("a", Resend, vec![]);
    world.until_noted("settle").await;
    first.stop.cancel();
    first.task.await.unwrap();
    assert!(world.published().is_empty());
    world.reports.mood.set(Mood::Works);
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert!(second.script.sent().is_empty());
    assert_eq!(world.published().len(), 1);
}
