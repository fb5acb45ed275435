//! The claim book in a real Redis: the suite, and a server that dies, freezes and gives few rights.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mtan_jobs::{Claim, ClaimBook, Limit, Owner, Unknown};
use mtan_queue::{redis_claims, redis_rates};
use mtan_testkit::redis::RedisServer;
use mtan_testkit::wait_until;
use tokio::time::Instant;

use crate::suite::{ClaimBench, PATIENCE, job_id, now, pool, report};

const LEASE: Duration = Duration::from_secs(10);
const KEEP: SignedDuration = SignedDuration::from_hours(1);
/// "Within a second", on a machine that may be busy with other things.
const BOUND: Duration = Duration::from_millis(1500);

struct InRedis(RedisServer);

impl ClaimBench for InRedis {
    async fn fresh() -> InRedis {
        InRedis(RedisServer::start().await)
    }

    fn book(&self) -> Arc<dyn ClaimBook> {
        redis_claims(&self.0.url()).unwrap()
    }
}

mod suite {
    crate::suite::promises!(claims: super::InRedis);
}

fn owner(name: &str) -> Owner {
    Owner(name.to_owned())
}

async fn claim(book: &Arc<dyn ClaimBook>, name: &str) -> Result<Claim, mtan_jobs::ClaimError> {
    book.claim(&job_id("one"), &owner(name), now(), LEASE, now() + KEEP).await
}

#[tokio::test]
async fn a_claim_survives_a_redis_that_was_killed() {
    let mut redis = RedisServer::start().await;
    let book = redis_claims(&redis.url()).unwrap();
    assert_eq!(claim(&book, "a").await, Ok(Claim::Taken { unknowns: 0 }));
    redis.kill();
    let asked = Instant::now();
    claim(&book, "b").await.expect_err("nobody is there to say who has it");
    assert!(asked.elapsed() < BOUND, "the error took {:?}", asked.elapsed());
    redis.restart().await;
    let found = wait_until("the book to come back", PATIENCE, async || {
        claim(&book, "b").await.map_err(|error| error.to_string())
    })
    .await;
    assert!(matches!(found, Claim::Busy { .. }), "{found:?}");
}

#[tokio::test]
async fn a_redis_that_was_restarted_between_two_questions_costs_no_answer() {
    let mut redis = RedisServer::start().await;
    let book = redis_claims(&redis.url()).unwrap();
    assert_eq!(claim(&book, "a").await, Ok(Claim::Taken { unknowns: 0 }));
    redis.restart().await;
    // the connection is lost and Redis has forgotten the script: both are made good within the question
    assert!(matches!(claim(&book, "b").await, Ok(Claim::Busy { .. })));
}

#[tokio::test]
async fn a_frozen_redis_is_an_error_within_a_second_and_comes_back() {
    let mut redis = RedisServer::start().await;
    let book = redis_claims(&redis.url()).unwrap();
    assert_eq!(claim(&book, "a").await, Ok(Claim::Taken { unknowns: 0 }));
    // now Redis knows the script, and will run what it is sent while it is frozen
    book.release(&job_id("another"), &owner("a"), Unknown::Yes).await.unwrap();
    redis.freeze();
    for _ in 0..3 {
        let asked = Instant::now();
        book.release(&job_id("one"), &owner("a"), Unknown::Yes).await.expect_err("it is frozen");
        assert!(asked.elapsed() < BOUND, "the error took {:?}", asked.elapsed());
    }
    redis.thaw();
    let found = wait_until("the book to come back", PATIENCE, async || {
        claim(&book, "b").await.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(found, Claim::Taken { unknowns: 1 }, "three tries at one release are one release");
}

#[tokio::test]
async fn a_redis_that_is_away_at_the_start_is_no_reason_not_to_start() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    let book = redis_claims(&redis.url()).unwrap();
    claim(&book, "a").await.expect_err("it is away");
    redis.restart().await;
    let found = wait_until("the book to come", PATIENCE, async || {
        claim(&book, "a").await.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(found, Claim::Taken { unknowns: 0 });
}

/// The clock that leases are compared with is the askers', not that of Redis.
#[tokio::test]
async fn a_redis_whose_clock_is_a_year_ahead_forgets_nothing() {
    let redis = RedisServer::start().await;
    let book = redis_claims(&redis.url()).unwrap();
    let then = now() - SignedDuration::from_hours(24 * 365);
    let id = job_id("one");
    let first = book.claim(&id, &owner("a"), then, LEASE, then + KEEP).await;
    assert_eq!(first, Ok(Claim::Taken { unknowns: 0 }));
    let second = book.claim(&id, &owner("b"), then, LEASE, then + KEEP).await;
    assert_eq!(second, Ok(Claim::Busy { until: then + LEASE }));
}

#[tokio::test]
async fn an_entry_goes_from_redis_by_itself() {
    let redis = RedisServer::start().await;
    let book = redis_claims(&redis.url()).unwrap();
    claim(&book, "a").await.unwrap();
    book.settle(&report("two", ""), now() + KEEP).await.unwrap();
    let mut console =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    for key in ["mtan:claim:one", "mtan:claim:two"] {
        let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut console).await.unwrap();
        let kept = KEEP.as_millis() as i64 + 60_000;
        assert!((kept - 20_000..=kept).contains(&left), "{key} stays {left} ms");
    }
}

/// The line that stands in the documentation of `redis_claims`.
const ACL: &str = "resetkeys resetchannels -@all ~mtan:claim:* ~mtan:rate:* ~mtan:delivery:* +evalsha +script|load \
                   +hmget +hset +hdel +hincrby +pexpire +pttl +get +set +time";

/// The address of `redis` for a user with a sender's rights.
pub(super) async fn least_rights(redis: &RedisServer) -> String {
    let mut console =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg("mtan-sender").arg("on").arg(">p@ss/word");
    user.arg(ACL.split_whitespace().collect::<Vec<_>>());
    user.query_async::<()>(&mut console).await.unwrap();
    redis.url().replace("redis://", "redis://mtan-sender:p%40ss%2Fword@")
}

#[tokio::test]
async fn a_sender_needs_no_more_rights_in_redis_than_its_documentation_says() {
    let redis = RedisServer::start().await;
    let url = least_rights(&redis).await;
    let rates = redis_rates(&url).unwrap();
    for most in [1, 2] {
        assert!(rates.take(&pool("alpha"), &Limit::new(1.0, 1).unwrap(), most).await.is_ok());
    }
    let book = redis_claims(&url).unwrap();
    let one = job_id("one");
    assert_eq!(claim(&book, "a").await, Ok(Claim::Taken { unknowns: 0 }));
    assert_eq!(book.renew(&one, &owner("a"), now(), LEASE).await, Ok(true));
    book.release(&one, &owner("a"), Unknown::Yes).await.unwrap();
    let late = now() + LEASE + LEASE;
    assert_eq!(claim(&book, "b").await, Ok(Claim::Taken { unknowns: 1 }));
    let lapsed = book.claim(&one, &owner("c"), late, LEASE, now() + KEEP).await;
    assert_eq!(lapsed, Ok(Claim::Taken { unknowns: 2 }));
    book.settle(&report("one", ""), now() + KEEP).await.unwrap();
    book.reported(std::slice::from_ref(&one)).await.unwrap();
    assert!(matches!(claim(&book, "d").await, Ok(Claim::Settled { reported: true, .. })));
    let forgotten = now() + KEEP + KEEP;
    let anew = book.claim(&one, &owner("e"), forgotten, LEASE, forgotten + KEEP).await;
    assert_eq!(anew, Ok(Claim::Taken { unknowns: 0 }));

    // and what it has does not open anything else
    let mut sender = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    for command in [
        "HGET mtan:token:SMS1 pin",
        "HMGET mtan:token:SMS1 pin",
        "DEL mtan:claim:one",
        "GET mtan:outbox",
        "SET mtan:x 1",
    ] {
        let words = command.split(' ').collect::<Vec<_>>();
        let answer = redis::cmd(words[0]).arg(&words[1..]).query_async::<redis::Value>(&mut sender).await;
        let refused = answer.expect_err("it has no right to that").to_string();
        assert!(refused.to_uppercase().contains("NOPERM") || refused.contains("no permissions"), "{refused}");
    }
}
