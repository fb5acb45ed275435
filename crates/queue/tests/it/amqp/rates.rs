//! The rates in a real Redis: the suite, and a server that dies or whose clock is set.

use std::sync::Arc;
use std::time::Duration;

use mtan_jobs::{Limit, RateBook, Turn};
use mtan_queue::redis_rates;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::wait_until;
use tokio::time::Instant;

use crate::suite::{PATIENCE, RateBench, pool};

struct InRedis(RedisServer);

impl RateBench for InRedis {
    async fn fresh() -> InRedis {
        InRedis(RedisServer::start().await)
    }

    fn book(&self) -> Arc<dyn RateBook> {
        redis_rates(&self.0.url()).unwrap()
    }
}

mod suite {
    crate::suite::promises!(rates: super::InRedis);
}

fn slow() -> Limit {
    Limit::new(0.01, 1).unwrap()
}

#[tokio::test]
async fn while_redis_is_away_nobody_has_a_turn_and_a_rate_survives_it() {
    let mut redis = RedisServer::start().await;
    let book = redis_rates(&redis.url()).unwrap();
    assert_eq!(book.take(&pool("alpha"), &slow(), 1).await, Ok(Turn::Go(1)));
    redis.kill();
    let asked = Instant::now();
    book.take(&pool("alpha"), &slow(), 1).await.expect_err("nobody is there to say yes");
    assert!(asked.elapsed() < Duration::from_millis(1500), "the error took {:?}", asked.elapsed());
    redis.restart().await;
    let turn = wait_until("the rates to come back", PATIENCE, async || {
        book.take(&pool("alpha"), &slow(), 1).await.map_err(|e| e.to_string())
    });
    assert!(matches!(turn.await, Turn::Wait(_)), "the turn before the crash counts");
}

#[tokio::test]
async fn a_rate_goes_from_redis_by_itself() {
    let redis = RedisServer::start().await;
    let book = redis_rates(&redis.url()).unwrap();
    book.take(&pool("alpha"), &Limit::new(0.5, 4).unwrap(), 3).await.unwrap();
    let mut console =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let left: i64 = redis::cmd("PTTL").arg("mtan:rate:alpha").query_async(&mut console).await.unwrap();
    assert!((5_000..=7_000).contains(&left), "three intervals of 2 s, and a second: {left} ms");
}

/// As after a failover to a machine whose clock is behind: no sender is stopped for so long.
#[tokio::test]
async fn a_rate_from_a_clock_that_is_ahead_blocks_nobody_for_long() {
    let redis = RedisServer::start().await;
    let mut console =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let year_2200: u64 = 7_258_118_400_000_000;
    redis::cmd("SET").arg("mtan:rate:alpha").arg(year_2200).query_async::<()>(&mut console).await.unwrap();
    let limit = Limit::new(10.0, 5).unwrap();
    let turn = redis_rates(&redis.url()).unwrap().take(&pool("alpha"), &limit, 1).await;
    assert_eq!(turn, Ok(Turn::Wait(Duration::from_millis(100))));
}
