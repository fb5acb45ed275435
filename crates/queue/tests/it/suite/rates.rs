//! What the rates of every kind promise. Their clock is their own, so these tests follow it: they wait as long as they
//! are told to.

use std::time::Duration;

use mtan_jobs::{Limit, RateBook, Turn};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{RateBench, pool};

fn limit(tps: f64, burst: u32) -> Limit {
    Limit::new(tps, burst).unwrap()
}

/// Waits for `count` turns as a sender does; when each came.
async fn turns(book: &dyn RateBook, limit: &Limit, count: usize) -> Vec<Instant> {
    let mut came = Vec::new();
    while came.len() < count {
        match book.take(&pool("alpha"), limit, 1).await.unwrap() {
            Turn::Go(go) => {
                assert_eq!(go, 1, "no more than were asked for");
                came.push(Instant::now());
            }
            Turn::Wait(wait) => sleep(wait).await,
        }
    }
    came
}

pub(crate) async fn a_burst_goes_at_once_and_no_more(bench: impl RateBench) {
    let (book, limit) = (bench.book(), limit(0.01, 5));
    assert_eq!(book.take(&pool("alpha"), &limit, 3).await, Ok(Turn::Go(3)));
    assert_eq!(book.take(&pool("alpha"), &limit, 30).await, Ok(Turn::Go(2)));
    let Ok(Turn::Wait(wait)) = book.take(&pool("alpha"), &limit, 1).await else {
        panic!("the burst is over")
    };
    assert!((Duration::from_secs(70)..=Duration::from_secs(100)).contains(&wait), "{wait:?}");
}

pub(crate) async fn two_senders_of_a_pool_share_its_rate(bench: impl RateBench) {
    let (one, other, limit) = (bench.book(), bench.book(), limit(0.01, 2));
    assert_eq!(one.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Go(1)));
    assert_eq!(other.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Go(1)));
    for book in [one, other] {
        assert!(matches!(book.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Wait(_))));
    }
}

pub(crate) async fn each_pool_has_a_rate_of_its_own(bench: impl RateBench) {
    let (book, limit) = (bench.book(), limit(0.01, 1));
    assert_eq!(book.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Go(1)));
    assert_eq!(book.take(&pool("beta"), &limit, 1).await, Ok(Turn::Go(1)));
    assert!(matches!(book.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Wait(_))));
}

pub(crate) async fn senders_that_press_get_the_rate_and_never_more(bench: impl RateBench) {
    const EACH: usize = 20;
    let limit = limit(100.0, 5);
    let started = Instant::now();
    let mut pressing = JoinSet::new();
    for _ in 0..4 {
        let book = bench.book();
        pressing.spawn(async move { turns(book.as_ref(), &limit, EACH).await });
    }
    let mut came: Vec<Instant> = pressing.join_all().await.concat();
    came.sort();
    assert_eq!(came.len(), 4 * EACH);
    for (n, at) in came.iter().enumerate() {
        // turns are noted a little after they were given, so only the count since the start is sure
        let most = 5.0 + 100.0 * at.duration_since(started).as_secs_f64();
        assert!((n + 1) as f64 <= most + 0.1, "{} after {:?}", n + 1, at.duration_since(started));
    }
}

pub(crate) async fn who_waits_as_long_as_it_was_told_gets_its_turn(bench: impl RateBench) {
    let (book, limit) = (bench.book(), limit(20.0, 1));
    for _ in 0..4 {
        if let Turn::Wait(wait) = book.take(&pool("alpha"), &limit, 1).await.unwrap() {
            assert!(wait <= limit.interval(), "{wait:?}");
            sleep(wait + Duration::from_millis(2)).await;
            assert_eq!(book.take(&pool("alpha"), &limit, 1).await, Ok(Turn::Go(1)));
        }
    }
}

pub(crate) async fn a_pause_does_not_pile_up_more_than_the_burst(bench: impl RateBench) {
    let (book, limit) = (bench.book(), limit(50.0, 3));
    assert_eq!(book.take(&pool("alpha"), &limit, 9).await, Ok(Turn::Go(3)));
    sleep(limit.interval() * 10).await;
    assert_eq!(book.take(&pool("alpha"), &limit, 9).await, Ok(Turn::Go(3)));
}
