//! Messages that leave together: each gets its own answer, and none waits for another queue's.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use mtan_jobs::PublishError;
use mtan_testkit::rabbit::RabbitServer;
use tokio::time::{Instant, timeout};

use super::outages::{BOUND, rabbitmqctl};
use super::{FarSide, OnBroker};
use crate::suite::{Bench, job, publisher, ready};

const BATCHES: u32 = 400;
const BATCH: u32 = 16;

/// What `batch.rs` relies on, of RabbitMQ and lapin alone: once every confirm of a batch is there, so is every return
/// of it, and none of another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_returns_of_a_batch_come_with_its_own_confirms() {
    let bench = OnBroker::fresh().await;
    publisher(&bench, &["alpha"]).await;
    let (_connection, channel) = bench.far_side.channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    for batch in 0..BATCHES {
        let mask = batch.wrapping_mul(0x9e37_79b9) >> 16; // every mixture, the pure ones too
        let lost = |n: u32| mask >> n & 1 == 1;
        let publishing = (0..BATCH).map(|n| {
            let key = if lost(n) { "nowhere" } else { "alpha" };
            publish(&channel, key, format!("{batch}-{n}"))
        });
        let mut confirms = Vec::new();
        for confirm in join_all(publishing).await {
            confirms.push(confirm.unwrap());
        }
        let mut returned = BTreeSet::new();
        for confirm in confirms {
            let message = confirm.await.unwrap().take_message();
            let id = message.map(|message| message.properties.message_id().as_ref().unwrap().to_string());
            assert!(id.is_none_or(|id| returned.insert(id)), "a message came back twice");
        }
        let expected: BTreeSet<_> = (0..BATCH).filter(|n| lost(*n)).map(|n| format!("{batch}-{n}")).collect();
        assert_eq!(returned, expected);
    }
}

async fn publish(channel: &Channel, key: &str, id: String) -> lapin::Result<lapin::PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_message_id(id.into());
    channel.basic_publish("mtan.send".into(), key.into(), options, b"{}", properties).await
}

/// The route is there and gone in the middle of batches: who is told "stored" is, who is told "unroutable" is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_comes_and_goes_holds_what_was_confirmed_and_no_more() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    bench.far_side.declare("kept").await;
    let (_connection, channel) = bench.far_side.channel().await;
    let (mut stored, mut unroutable) = (BTreeSet::new(), BTreeSet::new());
    let mut wave = 0;
    while stored.len() < 1000 || unroutable.len() < 1000 {
        wave += 1;
        assert!(wave < 1000, "{} stored, {} unroutable: no mixture", stored.len(), unroutable.len());
        let publishing = join_all((0..100).map(|n| {
            let (publisher, id) = (publisher.clone(), format!("{wave}-{n}"));
            async move { (publisher.publish(&job(&id, &["flip"])).await, id) }
        }));
        let (answers, ()) = tokio::join!(publishing, flip(&channel, wave % 2 == 0));
        for (answer, id) in answers {
            match answer {
                Ok(()) => stored.insert(id),
                Err(PublishError::Unroutable) => unroutable.insert(id),
                Err(other) => panic!("{id}: {other}"),
            };
        }
    }
    let found = bench.far_side.look("kept").await;
    let found: BTreeSet<_> =
        found.iter().map(|message| message.properties.message_id().as_ref().unwrap().to_string()).collect();
    assert!(found == stored, "{} are stored, {} were confirmed", found.len(), stored.len());
}

async fn flip(channel: &Channel, bound: bool) {
    let (queue, exchange, key) = ("kept".into(), "mtan.send".into(), "flip".into());
    let done = if bound {
        channel.queue_unbind(queue, exchange, key, FieldTable::default()).await
    } else {
        channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), FieldTable::default()).await
    };
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_job_twice_at_a_time_gets_an_answer_each() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let (there, nowhere) = (job("one", &["alpha"]), job("one", &["nowhere"]));
    let answers =
        join_all((0..200).map(|n| publisher.publish(if n % 2 == 0 { &there } else { &nowhere }))).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, if n % 2 == 0 { Ok(()) } else { Err(PublishError::Unroutable) }, "{n}");
    }
    assert_eq!(bench.far_side.look("mtan.send.alpha").await.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_waiting_changes_nothing_for_the_others() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let answers = join_all((0..300).map(|n| {
        let publisher = publisher.clone();
        async move {
            let (name, job) = if n % 2 == 0 {
                ("alpha", job(&format!("job-{n}"), &["alpha"]))
            } else {
                ("nowhere", job(&format!("job-{n}"), &["nowhere"]))
            };
            let patience = if n % 3 == 0 { Duration::ZERO } else { BOUND };
            (n, name, timeout(patience, publisher.publish(&job)).await.ok())
        }
    }));
    for (n, name, answer) in answers.await.into_iter().filter(|(n, ..)| n % 3 != 0) {
        let expected = if name == "alpha" { Ok(()) } else { Err(PublishError::Unroutable) };
        assert_eq!(answer, Some(expected), "{n}");
    }
    ready(&bench).await; // nothing is owed
}

/// A quorum queue without a majority takes messages and does not confirm them; here its process is made to stand still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_does_not_confirm_holds_up_no_other() {
    let broker = RabbitServer::start().await;
    let vhost = broker.vhost();
    let bench = OnBroker::connect(FarSide::new(&vhost.url)).await;
    let publisher = publisher(&bench, &["alpha", "stuck"]).await;
    let stuck = |verb: &str| {
        let queue = format!("rabbit_misc:r(<<\"{}\">>, queue, <<\"mtan.send.stuck\">>)", vhost.name);
        let found = format!("{{ok, Q}} = rabbit_amqqueue:lookup({queue})");
        rabbitmqctl(&broker, &["eval", &format!("{found}, sys:{verb}(amqqueue:get_pid(Q)).")]);
    };
    stuck("suspend");
    // far more than all channels together could hold
    let to_stuck = join_all((0..6000).map(|n| {
        let publisher = publisher.clone();
        tokio::spawn(async move { publisher.publish(&job(&format!("stuck-{n}"), &["stuck"])).await })
    }));
    let to_alpha = async {
        let since = Instant::now();
        let mut n = 0;
        while since.elapsed() < 3 * BOUND {
            n += 1;
            let asked = Instant::now();
            assert_eq!(publisher.publish(&job(&format!("alpha-{n}"), &["alpha"])).await, Ok(()));
            assert!(asked.elapsed() < BOUND, "alpha {n} took {:?}", asked.elapsed());
        }
        n
    };
    let (to_stuck, to_alpha) = tokio::join!(to_stuck, to_alpha);
    let mut sent = 0;
    for answer in to_stuck {
        match answer.unwrap() {
            Err(PublishError::Unconfirmed) => sent += 1,
            Err(PublishError::Unavailable(_)) => {}
            other => panic!("the stuck queue answered: {other:?}"),
        }
    }
    assert!(sent > 0 && to_alpha > 10, "{sent} to the stuck queue, {to_alpha} to the other");
    assert!(bench.queue.ready().unwrap_err().contains("owes"));
    stuck("resume");
    ready(&bench).await;
    publisher.publish(&job("after", &["stuck"])).await.unwrap();
    assert_eq!(
        bench.far_side.look("mtan.send.stuck").await.len(),
        sent + 1,
        "what was given up unsent stays unsent"
    );
}
