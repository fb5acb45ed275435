//! A pool keeps to its rate, and who waits for it holds nothing that others need.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mtan_jobs::{Limit, Outcome, Pool, RateBook, RateError, ReportCode, Turn};
use mtan_queue::embedded_rates;
use mtan_sender::UnknownRule::Resend;
use mtan_sender::{Rules, Throttle, WhileOpen};
use tokio::time::sleep;

use crate::script::Act;
use crate::world::{Mood, Moody, Running, World, job};

/// Rates that follow a mood.
struct Rates {
    mood: Moody,
    inner: Arc<dyn RateBook>,
}

#[async_trait]
impl RateBook for Rates {
    async fn take(&self, pool: &Pool, limit: &Limit, most: u32) -> Result<Turn, RateError> {
        self.mood.feel().await.map_err(|()| RateError("away".into()))?;
        self.inner.take(pool, limit, most).await
    }
}

fn throttle(tps: f64, burst: u32) -> Throttle {
    Throttle { rates: embedded_rates(), limit: Limit::new(tps, burst).unwrap() }
}

fn start(world: &World, pool: &str, acts: Vec<Act>, throttle: &Throttle) -> Running {
    world.throttled_sender(pool, Resend, acts, Rules::default(), Some(throttle.clone()))
}

fn put(world: &World, jobs: u32, route: &[&str]) {
    for id in 1..=jobs {
        world.inbox.put(route[0], job(&id.to_string(), route));
    }
}

/// A job with a day to live.
fn patient(id: &str) -> String {
    format!(r#"{{"id":"{id}","to":"+491701234567","text":"hello"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_at_the_pool_s_rate() {
    let world = World::new();
    put(&world, 40, &["a"]);
    let sender = start(&world, "a", vec![], &throttle(2.0, 10));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(sender.script.sent().len(), 10);
    for second in 1..=15 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(sender.script.sent().len(), 10 + 2 * second);
    }
    world.until_empty().await;
    assert_eq!(world.published().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn two_senders_of_a_pool_share_its_rate() {
    let world = World::new();
    put(&world, 30, &["a"]);
    let throttle = throttle(1.0, 2);
    let (one, other) = (start(&world, "a", vec![], &throttle), start(&world, "a", vec![], &throttle));
    let sent = || one.script.sent().len() + other.script.sent().len();
    for second in 1..=20 {
        sleep(Duration::from_secs(1)).await;
        assert!(sent() <= 2 + second, "{} after {second} s", sent());
        assert!(sent() >= second, "{} after {second} s", sent());
    }
    world.until_empty().await;
    assert_eq!(world.published().len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_turn_comes_too_late_goes_on_to_the_next_pool() {
    let world = World::new();
    put(&world, 5, &["a", "b"]);
    let first = start(&world, "a", vec![], &throttle(0.001, 1));
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (1, 4));
    assert_eq!(world.seconds(), 0, "it is known at once");
    assert!(world.outcomes().iter().all(|o| *o == (Outcome::Accepted, ReportCode::GatewayAccepted, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_job_with_another_way_waits_for_half_of_its_life_at_most() {
    let world = World::new();
    put(&world, 32, &["a", "b"]);
    let first = start(&world, "a", vec![], &throttle(0.1, 1));
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert!(world.seconds() <= 150, "{}", world.seconds());
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (16, 16));
    assert_eq!(world.published().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_turn_comes_too_late_and_that_has_no_other_way_is_reported_expired() {
    let world = World::new();
    put(&world, 5, &["a"]);
    let sender = start(&world, "a", vec![], &throttle(0.001, 1));
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 1);
    let expired = (Outcome::Expired, ReportCode::Expired, 0);
    assert_eq!(world.outcomes().iter().filter(|o| **o == expired).count(), 4);
    assert_eq!(world.published().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_death_while_waiting_for_a_turn_is_no_unknown_outcome() {
    let world = World::new();
    put(&world, 2, &["a"]);
    let throttle = throttle(0.1, 1);
    let first = start(&world, "a", vec![], &throttle);
    world.until("one is done", || world.published().len() == 1).await;
    sleep(Duration::from_secs(5)).await;
    first.crash().await;
    let second = start(&world, "a", vec![], &throttle);
    world.until_empty().await;
    assert_eq!(second.script.sent().len(), 1);
    assert_eq!(world.seconds(), 10, "no lease had to lapse");
    assert_eq!((world.book.unknowns("1"), world.book.unknowns("2")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_turn_but_gives_the_job_back() {
    let world = World::new();
    put(&world, 3, &["a"]);
    let sender = start(&world, "a", vec![], &throttle(0.01, 1));
    sleep(Duration::from_secs(1)).await;
    sender.stop.cancel();
    sender.task.await.unwrap();
    assert_eq!((world.seconds(), world.inbox.waiting()), (1, 2));
    assert_eq!(world.diary.lines().iter().filter(|line| *line == "give back").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_the_shared_rate_is_away_nothing_is_handed_over() {
    let world = World::new();
    put(&world, 3, &["a"]);
    let mood = Moody::default();
    let rates = Arc::new(Rates { mood: mood.clone(), inner: embedded_rates() });
    mood.set(Mood::Fails);
    let sender = start(&world, "a", vec![], &Throttle { rates, limit: Limit::new(100.0, 10).unwrap() });
    sleep(Duration::from_secs(60)).await;
    assert!(sender.script.sent().is_empty());
    mood.set(Mood::Works);
    world.until_empty().await;
    assert!(world.outcomes().iter().all(|(outcome, ..)| *outcome == Outcome::Accepted));
    assert_eq!(world.published().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_turn_is_far_away_waits_in_the_queue_and_in_nobody_s_hand() {
    let world = World::new();
    for id in ["1", "2"] {
        world.inbox.put("a", patient(id));
    }
    let sender = start(&world, "a", vec![], &throttle(0.001, 1));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.inbox.waiting(), 1);
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 2);
    assert!((1000..1061).contains(&world.seconds()), "{}", world.seconds());
    let again = world.diary.lines().iter().filter(|line| *line == "again in a").count();
    assert!(again < 20, "looked at once a minute, not {again} times");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_held_in_hand_for_longer_than_five_minutes() {
    let world = World::new();
    for id in 1..=8 {
        world.inbox.put("a", patient(&id.to_string()));
    }
    let sender = start(&world, "a", vec![], &throttle(0.01, 1));
    sleep(Duration::from_secs(90)).await;
    assert_eq!(world.inbox.waiting(), 2, "for two it is sure that five minutes are not enough");
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 8);
    assert!(world.seconds() < 1000, "{}", world.seconds());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_sends_on_who_waits_for_a_turn() {
    let world = World::new();
    put(&world, 8, &["a", "b"]);
    let acts = (0..100).map(|_| Act::Busy).collect();
    let rules = Rules { while_open: WhileOpen::MoveAlong, ..Rules::default() };
    let first = world.throttled_sender("a", Resend, acts, rules, Some(throttle(0.1, 5)));
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (5, 8));
    assert!(world.seconds() <= 1, "{}", world.seconds());
    assert_eq!(world.published().len(), 8);
}
