//! What every queue promises about jobs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mtan_jobs::{Again, AgainError, Attempts, Consumer, PublishError, SendJob};
use mtan_testkit::wait_until;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::{Bench, DeadLetter, PATIENCE, consumer, id, job, next, now, pool, publisher};

/// What comes next is `marker`, published just now: nothing else was left in the pool.
async fn nothing_is_left(bench: &impl Bench, name: &str) {
    publisher(bench, &[name]).await.publish(&job("marker", &[name])).await.unwrap();
    let mut consumer = consumer(bench, name, 1).await;
    let last = next(&mut consumer).await;
    assert_eq!(id(&last), "marker", "something was left in {name}");
    last.receipt.ack().await.unwrap();
}

pub(crate) async fn a_confirmed_job_survives_a_crash(mut bench: impl Bench) {
    let job = job("one", &["alpha"]);
    let before = now();
    publisher(&bench, &["alpha"]).await.publish(&job).await.unwrap();
    let after = now();
    bench.crash().await;
    let delivery = next(&mut consumer(&bench, "alpha", 1).await).await;
    assert_eq!(delivery.body, job.to_json());
    assert_eq!(delivery.pool, pool("alpha"));
    assert_eq!(delivery.attempts, Attempts::default());
    // AMQP knows whole seconds only.
    let published_at = delivery.published_at.expect("its time of publishing is known").as_second();
    assert!((before.as_second()..=after.as_second()).contains(&published_at));
}

pub(crate) async fn a_job_in_hand_at_a_crash_comes_again(mut bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut first = consumer(&bench, "alpha", 1).await;
    let lost = next(&mut first).await;
    bench.crash().await;
    let mut second = consumer(&bench, "alpha", 1).await;
    let again = next(&mut second).await;
    assert_eq!((again.body.clone(), again.attempts), (lost.body.clone(), lost.attempts));
    again.receipt.ack().await.unwrap();
    drop(second);
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_job_that_was_dropped_comes_to_another_consumer(bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut first = consumer(&bench, "alpha", 1).await;
    let lost = next(&mut first).await;
    let body = lost.body.clone();
    drop(lost);
    drop(first);
    let again = next(&mut consumer(&bench, "alpha", 1).await).await;
    assert_eq!((again.body, again.attempts), (body, Attempts::default()));
}

pub(crate) async fn jobs_come_in_the_order_of_their_publishing(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    // Ids that sort the other way round: the order is not theirs.
    let ids: Vec<String> = (0..50).rev().map(|n| format!("job-{n:02}")).collect();
    for id in &ids {
        publisher.publish(&job(id, &["alpha"])).await.unwrap();
    }
    let mut consumer = consumer(&bench, "alpha", 10).await;
    for expected in &ids {
        let delivery = next(&mut consumer).await;
        assert_eq!(&id(&delivery), expected);
        delivery.receipt.ack().await.unwrap();
    }
}

pub(crate) async fn a_stuck_pool_does_not_hold_up_another(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha", "beta"]).await;
    for n in 0..30 {
        publisher.publish(&job(&format!("alpha-{n}"), &["alpha", "beta"])).await.unwrap();
    }
    let mut stuck = consumer(&bench, "alpha", 1).await;
    let _in_hand = next(&mut stuck).await;
    let mut flowing = consumer(&bench, "beta", 1).await;
    for n in 0..30 {
        publisher.publish(&job(&format!("beta-{n}"), &["beta", "alpha"])).await.unwrap();
        let delivery = next(&mut flowing).await;
        assert_eq!((id(&delivery), &delivery.pool), (format!("beta-{n}"), &pool("beta")));
        delivery.receipt.ack().await.unwrap();
    }
}

pub(crate) async fn a_pool_that_nobody_knows_is_an_error(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    let refused = publisher.publish(&job("one", &["nowhere", "alpha"])).await;
    assert_eq!(refused, Err(PublishError::Unroutable));
    assert_eq!(publisher.publish(&job("two", &["alpha"])).await, Ok(()), "and the next one goes through");
}

pub(crate) async fn no_consumer_has_more_in_hand_than_its_prefetch(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut greedy = consumer(&bench, "alpha", 3).await;
    for n in 0..10 {
        publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await.unwrap();
    }
    let mut in_hand = Vec::new();
    for _ in 0..3 {
        in_hand.push(next(&mut greedy).await);
    }
    // The seven others can only come here if the first consumer has just its three.
    let mut other = consumer(&bench, "alpha", 10).await;
    let mut seen: BTreeSet<String> = in_hand.iter().map(id).collect();
    for _ in 0..7 {
        let delivery = next(&mut other).await;
        assert!(seen.insert(id(&delivery)), "{} came twice", id(&delivery));
        delivery.receipt.ack().await.unwrap();
    }
    other.cancel().await;
    publisher.publish(&job("late", &["alpha"])).await.unwrap();
    assert!(timeout(Duration::from_millis(300), greedy.next()).await.is_err(), "a fourth came into hand");
    in_hand.pop().unwrap().receipt.ack().await.unwrap();
    assert_eq!(id(&next(&mut greedy).await), "late");
}

pub(crate) async fn a_job_that_waits_does_not_come_before_its_time(bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut consumer = consumer(&bench, "alpha", 1).await;
    let first = next(&mut consumer).await;
    let (body, published_at) = (first.body.clone(), first.published_at);
    let after = Duration::from_secs(1);
    let attempts = Attempts { total: 3, in_pool: 2 };
    let start = Instant::now();
    first.receipt.again(Again { pool: pool("alpha"), after, attempts }).await.unwrap();
    let second = next(&mut consumer).await;
    assert!(start.elapsed() >= after, "it came after {:?}", start.elapsed());
    assert_eq!((second.body, second.attempts), (body, attempts));
    assert_eq!(second.published_at, published_at, "the deadline counts from the first publishing");
}

pub(crate) async fn a_job_that_waits_survives_a_crash(mut bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut first = consumer(&bench, "alpha", 1).await;
    let attempts = Attempts { total: 1, in_pool: 1 };
    let again = Again { pool: pool("alpha"), after: Duration::from_secs(1), attempts };
    next(&mut first).await.receipt.again(again).await.unwrap();
    bench.crash().await;
    let mut second = consumer(&bench, "alpha", 1).await;
    let delivery = next(&mut second).await;
    assert_eq!((id(&delivery), delivery.attempts), ("one".to_owned(), attempts));
    delivery.receipt.ack().await.unwrap();
    drop(second);
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_job_goes_on_to_another_pool(bench: impl Bench) {
    let route = ["alpha", "beta"];
    publisher(&bench, &route).await.publish(&job("one", &route)).await.unwrap();
    let mut alpha = consumer(&bench, "alpha", 1).await;
    let mut beta = consumer(&bench, "beta", 1).await;
    let first = next(&mut alpha).await;
    let body = first.body.clone();
    let attempts = Attempts { total: 2, in_pool: 0 };
    first.receipt.again(Again { pool: pool("beta"), after: Duration::ZERO, attempts }).await.unwrap();
    let second = next(&mut beta).await;
    assert_eq!((second.body, second.pool, second.attempts), (body, pool("beta"), attempts));
    second.receipt.ack().await.unwrap();
    drop(alpha);
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_job_that_goes_on_to_an_unknown_pool_stays(bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut first = consumer(&bench, "alpha", 1).await;
    let attempts = Attempts { total: 1, in_pool: 0 };
    let nowhere = Again { pool: pool("nowhere"), after: Duration::ZERO, attempts };
    let refused = next(&mut first).await.receipt.again(nowhere).await.expect_err("nobody knows that pool");
    assert!(matches!(refused, AgainError::Unroutable(_)), "{refused}");
    drop((refused, first));
    let again = next(&mut consumer(&bench, "alpha", 1).await).await;
    assert_eq!((id(&again), again.attempts), ("one".to_owned(), Attempts::default()));
}

pub(crate) async fn a_job_whose_next_pool_is_unknown_is_still_in_hand_for_another_way(bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let mut alpha = consumer(&bench, "alpha", 1).await;
    let mut receipt = next(&mut alpha).await.receipt;
    for after in [Duration::ZERO, Duration::from_secs(1)] {
        let nowhere = Again { pool: pool("nowhere"), after, attempts: Attempts { total: 1, in_pool: 0 } };
        receipt = match receipt.again(nowhere).await {
            Err(AgainError::Unroutable(receipt)) => receipt,
            other => panic!("{after:?}: {other:?}"),
        };
    }
    let attempts = Attempts { total: 1, in_pool: 1 };
    receipt.again(Again { pool: pool("alpha"), after: Duration::ZERO, attempts }).await.unwrap();
    let counted = next(&mut alpha).await;
    assert_eq!((id(&counted), counted.attempts), ("one".to_owned(), attempts));
    counted.receipt.ack().await.unwrap();
    drop(alpha);
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_buried_job_keeps_its_reason_and_is_gone(mut bench: impl Bench) {
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    let poison = SendJob::from_json(br#"{"id":"one","to":"0170","text":""}"#).unwrap_err();
    assert_eq!(poison.faults.len(), 2);
    let mut first = consumer(&bench, "alpha", 1).await;
    next(&mut first).await.receipt.bury(&poison).await.unwrap();
    bench.crash().await;
    let expected = DeadLetter {
        id: "one".into(),
        pool: "alpha".into(),
        reason: "invalid_job".into(),
        faults: poison.summary(),
    };
    wait_until("the buried job", PATIENCE, async || {
        let dead = bench.dead().await;
        if dead == [expected.clone()] { Ok(()) } else { Err(format!("{dead:?}, expected {expected:?}")) }
    })
    .await;
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_job_given_back_comes_again_at_once(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    for id in ["one", "two"] {
        publisher.publish(&job(id, &["alpha"])).await.unwrap();
    }
    let mut first = consumer(&bench, "alpha", 1).await;
    next(&mut first).await.receipt.give_back().await.unwrap();
    first.cancel().await;
    let mut second = consumer(&bench, "alpha", 1).await;
    for expected in ["one", "two"] {
        let delivery = next(&mut second).await;
        assert_eq!((id(&delivery).as_str(), delivery.attempts), (expected, Attempts::default()));
        delivery.receipt.ack().await.unwrap();
    }
}

/// A sender waits for the next job and for its own stop at once, and drops the future of the one that did not come.
pub(crate) async fn a_next_that_is_given_up_loses_nothing(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    for n in 0..50 {
        let job = job(&format!("job-{n}"), &["alpha"]);
        let publisher = Arc::clone(&publisher);
        let publishing = tokio::spawn(async move { publisher.publish(&job).await });
        let start = Instant::now();
        let delivery = loop {
            match timeout(Duration::from_micros(200), consumer.next()).await {
                Ok(delivery) => break delivery.expect("it was not cancelled"),
                Err(_) => assert!(start.elapsed() < PATIENCE, "job-{n} was lost"),
            }
        };
        assert_eq!(id(&delivery), format!("job-{n}"));
        publishing.await.unwrap().unwrap();
        delivery.receipt.ack().await.unwrap();
    }
}

pub(crate) async fn a_cancelled_consumer_gives_back_what_it_has_not_handed_out(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    for n in 0..10 {
        publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await.unwrap();
    }
    let mut first = consumer(&bench, "alpha", 10).await;
    let in_hand = next(&mut first).await;
    first.cancel().await;
    assert!(timeout(PATIENCE, first.next()).await.expect("it answers").is_none());
    let mut second = consumer(&bench, "alpha", 10).await;
    let mut seen = BTreeSet::from([id(&in_hand)]);
    for _ in 0..9 {
        let delivery = next(&mut second).await;
        assert!(seen.insert(id(&delivery)), "{} came twice", id(&delivery));
        delivery.receipt.ack().await.unwrap();
    }
    // What is in hand when a process stops is still finished and acknowledged.
    in_hand.receipt.ack().await.unwrap();
    drop((first, second));
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_consumer_that_fetches_none_leaves_all_to_others(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    for n in 0..10 {
        publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await.unwrap();
    }
    let mut resting = consumer(&bench, "alpha", 10).await;
    let in_hand = next(&mut resting).await;
    resting.fetch(0).await;
    assert_eq!(bench.queue().ready(), Ok(()), "a rest is no fault");
    let mut other = consumer(&bench, "alpha", 10).await;
    let mut seen = BTreeSet::from([id(&in_hand)]);
    for _ in 0..9 {
        let delivery = next(&mut other).await;
        assert!(seen.insert(id(&delivery)), "{} came twice", id(&delivery));
        delivery.receipt.ack().await.unwrap();
    }
    other.cancel().await;
    // what was in hand before the rest is still the resting one's
    in_hand.receipt.ack().await.unwrap();
    publisher.publish(&job("later", &["alpha"])).await.unwrap();
    assert!(timeout(Duration::from_millis(500), resting.next()).await.is_err(), "it rests");
    resting.fetch(10).await;
    assert_eq!(id(&next(&mut resting).await), "later");
}

pub(crate) async fn a_consumer_fetches_as_many_as_it_is_told_to(bench: impl Bench) {
    let publisher = publisher(&bench, &["alpha"]).await;
    for n in 0..4 {
        publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await.unwrap();
    }
    let mut first = consumer(&bench, "alpha", 10).await;
    let before = next(&mut first).await;
    first.fetch(1).await;
    let one = next(&mut first).await;
    assert!(timeout(Duration::from_millis(500), first.next()).await.is_err(), "one at a time");
    one.receipt.ack().await.unwrap();
    let two = next(&mut first).await;
    first.fetch(10).await;
    let three = next(&mut first).await;
    let ids: BTreeSet<String> = [&before, &two, &three].into_iter().map(id).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    for delivery in [before, two, three] {
        delivery.receipt.ack().await.unwrap();
    }
    drop(first);
    nothing_is_left(&bench, "alpha").await;
}

pub(crate) async fn a_consumer_that_fetches_none_can_be_cancelled(bench: impl Bench) {
    let mut resting = consumer(&bench, "alpha", 10).await;
    resting.fetch(0).await;
    timeout(PATIENCE, resting.cancel()).await.expect("it is cancelled");
    assert!(timeout(PATIENCE, resting.next()).await.expect("it answers").is_none());
}

pub(crate) async fn a_thousand_jobs_through_four_consumers_come_once_each(bench: impl Bench) {
    const JOBS: usize = 1000;
    let publisher = publisher(&bench, &["alpha"]).await;
    let (found, mut finds) = mpsc::unbounded_channel();
    let mut consuming = Vec::new();
    for _ in 0..4 {
        let consumer = consumer(&bench, "alpha", 20).await;
        consuming.push(tokio::spawn(acknowledge_all(consumer, found.clone())));
    }
    let publishing: Vec<_> = (0..JOBS)
        .map(|n| {
            let publisher = Arc::clone(&publisher);
            tokio::spawn(async move { publisher.publish(&job(&format!("job-{n}"), &["alpha"])).await })
        })
        .collect();
    for published in publishing {
        published.await.unwrap().unwrap();
    }
    let mut seen = BTreeSet::new();
    while seen.len() < JOBS {
        let id = timeout(PATIENCE, finds.recv()).await;
        let id = id.unwrap_or_else(|_| panic!("{} of {JOBS} came", seen.len())).unwrap();
        assert!(seen.insert(id.clone()), "{id} came twice");
    }
    for task in consuming {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled(), "a consumer failed");
    }
    assert!(finds.try_recv().is_err(), "one came twice");
    nothing_is_left(&bench, "alpha").await;
}

/// Acknowledges each job, up to the prefetch at a time, and tells of it after that.
async fn acknowledge_all(mut consumer: Box<dyn Consumer>, found: mpsc::UnboundedSender<String>) {
    while let Some(delivery) = consumer.next().await {
        let found = found.clone();
        tokio::spawn(async move {
            let id = id(&delivery);
            delivery.receipt.ack().await.unwrap();
            found.send(id).unwrap();
        });
    }
}
