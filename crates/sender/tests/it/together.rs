//! The same job more than once, and more than one sender.

use std::time::Duration;

use mtan_jobs::{Outcome, ReportCode};
use mtan_sender::Rules;
use mtan_sender::UnknownRule::Resend;
use tokio::time::sleep;

use crate::script::Act;
use crate::world::{Mood, World, job};

#[tokio::test(start_paused = true)]
async fn a_job_that_was_published_twice_is_one_sms_and_one_report() {
    let world = World::new();
    for _ in 0..5 {
        world.inbox.put("a", job("1", &["a"]));
    }
    let sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 1);
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
}

#[tokio::test(start_paused = true)]
async fn two_senders_with_the_same_job_hand_it_over_once_however_long_it_takes() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    world.inbox.put("a", job("1", &["a"]));
    let rules = || Rules { max_in_flight: 1, ..Rules::default() };
    let first = world.sender_with("a", Resend, vec![Act::AcceptAfter(100)], rules());
    let second = world.sender_with("a", Resend, vec![Act::AcceptAfter(100)], rules());
    world.until_empty().await;
    assert_eq!(first.script.sent().len() + second.script.sent().len(), 1);
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
    assert_eq!(world.book.unknowns("1"), 0, "the lease was renewed");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_comes_after_the_deadline_is_not_reported_expired() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let _sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    sleep(Duration::from_secs(1000)).await;
    world.inbox.put("a", job("1", &["a"]));
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
}

#[tokio::test(start_paused = true)]
async fn poison_under_the_id_of_a_job_that_was_sent_is_buried_without_a_second_report() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let _sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    world.inbox.put("a", r#"{"id":"1","text":""}"#);
    world.until_noted("bury invalid_job").await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_does_not_report_what_another_has_reported() {
    let world = World::new();
    world.inbox.put("a", job("2", &["a"]));
    let model = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    model.stop.cancel();
    world.inbox.put("a", job("1", &["a"]));
    let slow = world.sender("a", Resend, vec![Act::AcceptAfter(60)]);
    world.until("it hands over", || slow.script.sent().len() == 1).await;
    let by_other = mtan_jobs::SendReport { job_id: "1".parse().unwrap(), ..world.published()[0].clone() };
    world.book.settle_by_other(&by_other);
    world.until_empty().await;
    assert_eq!(world.published().len(), 1, "the model's only");
}

#[tokio::test(start_paused = true)]
async fn who_took_a_job_over_does_not_report_what_its_first_holder_has_reported_after_all() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let first = world.sender("a", Resend, vec![Act::AcceptAfter(20)]);
    world.until_noted("hand over").await;
    world.book.mood.set(Mood::Fails); // the lease cannot be renewed, and lapses after 15 s
    world.inbox.put("a", job("1", &["a"]));
    first.stop.cancel();
    let second = world.sender("a", Resend, vec![Act::AcceptAfter(4)]);
    sleep(Duration::from_secs(17)).await;
    world.book.mood.set(Mood::Works);
    world.until("the job is taken over", || second.script.sent().len() == 1).await;
    assert!(world.published().is_empty(), "both have it in hand");
    world.until_empty().await;
    assert_eq!(world.book.unknowns("1"), 1);
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
}

#[tokio::test(start_paused = true)]
async fn one_slow_job_holds_up_no_other() {
    let world = World::new();
    for id in 1..=20 {
        world.inbox.put("a", job(&id.to_string(), &["a"]));
    }
    let _sender = world.sender("a", Resend, vec![Act::AcceptAfter(200)]);
    world.until("19 are done", || world.published().len() == 19).await;
    assert_eq!(world.seconds(), 0);
    world.until_empty().await;
    assert_eq!(world.published().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_are_taken_than_the_pool_may_have_in_flight() {
    let world = World::new();
    for id in 1..=10 {
        world.inbox.put("a", job(&id.to_string(), &["a"]));
    }
    let acts = (0..10).map(|_| Act::AcceptAfter(10)).collect();
    let sender = world.sender_with("a", Resend, acts, Rules { max_in_flight: 4, ..Rules::default() });
    sleep(Duration::from_secs(5)).await;
    assert_eq!((sender.script.sent().len(), world.inbox.waiting()), (4, 6));
    world.until_empty().await;
    assert_eq!(world.seconds(), 30);
}
