//! Brokers that die, freeze and raise an alarm, and lines that are cut: work goes on by itself, and nothing that was
//! confirmed is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mtan_jobs::{Consumer, PublishError, Publisher};
use mtan_queue::Queue;
use mtan_testkit::proxy::Proxy;
use mtan_testkit::rabbit::{self, RabbitServer};
use mtan_testkit::wait_until;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{FarSide, OnBroker};
use crate::suite::{Bench, PATIENCE, consumer, id, job, next, pool, publisher, ready};

/// "Answers within a second, come what may", on a machine that may be busy with other things.
pub(super) const BOUND: Duration = Duration::from_millis(1500);

/// Publishes and consumes without pause, and remembers what was confirmed and what came.
struct Load {
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    arrived: Arc<Mutex<BTreeSet<String>>>,
    stop: CancellationToken,
    publishing: Vec<JoinHandle<()>>,
    consuming: JoinHandle<()>,
}

impl Load {
    /// Needs `queue` for pool `alpha`.
    fn start(publisher: &Arc<dyn Publisher>, consumer: Box<dyn Consumer>) -> Load {
        let (confirmed, arrived) = <(Arc<Mutex<BTreeSet<String>>>, Arc<Mutex<BTreeSet<String>>>)>::default();
        let stop = CancellationToken::new();
        let publishing = (0..4)
            .map(|lane| {
                let publishing = publish_all(lane, publisher.clone(), confirmed.clone(), stop.clone());
                tokio::spawn(publishing)
            })
            .collect();
        let consuming = tokio::spawn(consume_all(consumer, arrived.clone()));
        Load { confirmed, arrived, stop, publishing, consuming }
    }

    fn confirmed(&self) -> usize {
        self.confirmed.lock().unwrap().len()
    }

    fn arrived(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }

    /// Waits until jobs go in and come out again, from now on.
    async fn flows(&self, what: &str) {
        self.flow(what, 20).await;
    }

    async fn flow(&self, what: &str, jobs: usize) {
        let (confirmed, arrived) = (self.confirmed() + jobs, self.arrived() + jobs);
        wait_until(what, Duration::from_secs(60), async || {
            if self.confirmed() >= confirmed && self.arrived() >= arrived {
                return Ok(());
            }
            Err(format!(
                "{} of {confirmed} confirmed, {} of {arrived} arrived",
                self.confirmed(),
                self.arrived()
            ))
        })
        .await;
    }

    /// Stops publishing, and waits until everything that was confirmed has come.
    async fn ends_without_loss(self) -> usize {
        self.stop.cancel();
        for task in self.publishing {
            task.await.unwrap();
        }
        let confirmed = self.confirmed.lock().unwrap().clone();
        wait_until("all that was confirmed", Duration::from_secs(60), async || {
            let missing = confirmed.difference(&*self.arrived.lock().unwrap()).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} are missing", confirmed.len())) }
        })
        .await;
        self.consuming.abort();
        confirmed.len()
    }
}

async fn publish_all(
    lane: u32,
    publisher: Arc<dyn Publisher>,
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    stop: CancellationToken,
) {
    let mut n = 0;
    while !stop.is_cancelled() {
        n += 1;
        let id = format!("{lane}-{n}");
        let asked = Instant::now();
        let answer = publisher.publish(&job(&id, &["alpha"])).await;
        assert!(asked.elapsed() < BOUND, "the answer took {:?}: {answer:?}", asked.elapsed());
        match answer {
            Ok(()) => {
                confirmed.lock().unwrap().insert(id);
            }
            Err(PublishError::Unavailable(_) | PublishError::Unconfirmed) => {}
            Err(other) => panic!("{id}: {other}"),
        }
        sleep(Duration::from_millis(2)).await; // a load, not a flood
    }
}

async fn consume_all(mut consumer: Box<dyn Consumer>, arrived: Arc<Mutex<BTreeSet<String>>>) {
    while let Some(delivery) = consumer.next().await {
        let id = id(&delivery);
        if delivery.receipt.ack().await.is_ok() {
            arrived.lock().unwrap().insert(id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_five_cuts_under_load_lose_nothing() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let load = Load::start(&publisher, consumer(&bench, "alpha", 16).await);
    for cut in 0..45 {
        load.flows(&format!("jobs before cut {cut}")).await;
        if cut % 3 == 0 {
            bench.line.cut().await; // and refused, for a moment
            bench.line.resume();
        } else {
            bench.line.reset();
        }
    }
    load.flows("jobs after the last cut").await;
    ready(&bench).await;
    let stored = load.ends_without_loss().await;
    assert!(stored > 45 * 20, "{stored} jobs are no load");
    assert_eq!(bench.line.open_connections(), 2, "one to publish, one to consume, and none left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_frozen_under_load_loses_nothing() {
    let mut broker = RabbitServer::start().await;
    let bench = OnBroker::connect(FarSide::new(&broker.vhost().url)).await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let load = Load::start(&publisher, consumer(&bench, "alpha", 16).await);
    // a quorum queue that is some milliseconds old is not yet registered on disk and does not survive a kill: RabbitMQ
    // then finds it without a leader; enough jobs for it to be older than that
    load.flow("jobs before the end of the broker", 1500).await;
    broker.kill();
    wait_until("the truth from ready()", PATIENCE, async || match bench.queue.ready() {
        Err(_) => Ok(()),
        Ok(()) => Err("ready, without a broker".to_owned()),
    })
    .await;
    broker.restart().await;
    load.flows("jobs after the restart").await;

    broker.freeze();
    wait_until("the truth from ready()", PATIENCE, async || match bench.queue.ready() {
        Err(why) if why.contains("owes") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    broker.thaw();
    load.flows("jobs after the thaw").await;
    load.ends_without_loss().await;
    ready(&bench).await;
}

#[tokio::test]
async fn a_job_in_hand_at_a_cut_cannot_be_let_go_of_and_comes_again() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", 2).await;
    for id in ["one", "two"] {
        publisher.publish(&job(id, &["alpha"])).await.unwrap();
    }
    let (one, two) = (next(&mut consumer).await, next(&mut consumer).await);
    bench.line.cut().await;
    bench.line.resume();
    ready(&bench).await;
    one.receipt.ack().await.expect_err("the line that it came by is gone");
    two.receipt.give_back().await.expect_err("so is this one's");
    for expected in ["one", "two"] {
        let delivery = next(&mut consumer).await;
        assert_eq!(id(&delivery), expected);
        delivery.receipt.ack().await.unwrap();
    }
}

#[tokio::test]
async fn a_broker_that_is_away_is_unavailable_at_once_and_no_reason_not_to_start() {
    let far_side = FarSide::new(&rabbit::shared().await.url);
    let line = Proxy::start(("127.0.0.1", far_side.port())).await;
    line.cut().await;
    let queue = Queue::amqp(&far_side.url_over(&line), "mtan-test").unwrap();
    let publisher = queue.publisher(&[pool("alpha")]);
    let mut consumer = queue.consumer(&pool("alpha"), 1);
    let asked = Instant::now();
    for _ in 0..100 {
        let answer = publisher.publish(&job("one", &["alpha"])).await;
        assert!(matches!(answer, Err(PublishError::Unavailable(_))), "{answer:?}");
    }
    assert!(asked.elapsed() < BOUND, "a hundred refusals took {:?}", asked.elapsed());
    assert!(queue.ready().is_err() && publisher.ready().is_err());
    line.resume();
    wait_until("the queue", PATIENCE, async || queue.ready()).await;
    publisher.publish(&job("two", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "two");
}

#[tokio::test]
async fn a_silent_line_is_answered_in_time_and_told() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    publisher.publish(&job("zero", &["alpha"])).await.unwrap();
    bench.line.pause();
    let asked = Instant::now();
    assert_eq!(publisher.publish(&job("one", &["alpha"])).await, Err(PublishError::Unconfirmed));
    assert!(asked.elapsed() < BOUND, "the answer took {:?}", asked.elapsed());
    let told = bench.queue.ready().unwrap_err();
    assert!(told.contains("owes an answer to 1"), "{told}");
    assert_eq!(publisher.ready(), Err(told));
    bench.line.resume();
    ready(&bench).await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    next(&mut consumer).await.receipt.ack().await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "one", "unconfirmed means stored or not: here it was");
}

/// The first publish needs a channel first: it knows that nothing was sent, and keeps it so.
#[tokio::test]
async fn what_was_given_up_before_it_was_sent_is_not_sent_later() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    bench.line.pause();
    let answer = publisher.publish(&job("one", &["alpha"])).await;
    assert!(matches!(answer, Err(PublishError::Unavailable(_))), "{answer:?}");
    let told = bench.queue.ready().unwrap_err();
    assert!(told.contains("owes an answer to 1"), "{told}");
    bench.line.resume();
    ready(&bench).await;
    publisher.publish(&job("two", &["alpha"])).await.unwrap();
    let mut consumer = consumer(&bench, "alpha", 1).await;
    assert_eq!(id(&next(&mut consumer).await), "two");
}

#[tokio::test]
async fn a_line_that_stays_silent_is_given_up_and_made_anew() {
    let far_side = FarSide::new(&rabbit::shared().await.url);
    let line = Proxy::start(("127.0.0.1", far_side.port())).await;
    let queue = Queue::amqp(&format!("{}?heartbeat=1", far_side.url_over(&line)), "mtan-test").unwrap();
    let publisher = queue.publisher(&[pool("alpha")]);
    let mut consumer = queue.consumer(&pool("alpha"), 1);
    wait_until("the queue", PATIENCE, async || queue.ready()).await;
    assert_eq!(line.open_connections(), 2);
    line.pause();
    wait_until("both connections to be given up", PATIENCE, async || match queue.ready() {
        Err(why) if why.contains("no welcome") => Ok(()), // that was the next connection already
        other => Err(format!("{other:?}")),
    })
    .await;
    line.resume();
    wait_until("the queue", PATIENCE, async || queue.ready()).await;
    publisher.publish(&job("one", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "one");
    wait_until("an end of the lines that were given up", PATIENCE, async || match line.open_connections() {
        2 => Ok(()),
        open => Err(format!("{open} connections")),
    })
    .await;
}

#[tokio::test]
async fn close_says_goodbye_and_is_quick_on_a_silent_line_too() {
    let bench = OnBroker::fresh().await;
    publisher(&bench, &["alpha"]).await;
    let _consumer = consumer(&bench, "alpha", 1).await;
    bench.line.pause();
    let asked = Instant::now();
    bench.queue.close().await;
    assert!(asked.elapsed() < Duration::from_secs(4), "the goodbye took {:?}", asked.elapsed());
    assert!(bench.queue.ready().is_err());
    bench.line.resume();
    wait_until("no connection", PATIENCE, async || match bench.line.open_connections() {
        0 => Ok(()),
        open => Err(format!("{open} connections")),
    })
    .await;
}

#[tokio::test]
async fn what_nobody_holds_any_more_leaves_the_broker() {
    let OnBroker { line, queue, .. } = OnBroker::fresh().await;
    let (publisher, consumer) = (queue.publisher(&[pool("alpha")]), queue.consumer(&pool("alpha"), 1));
    wait_until("the queue", PATIENCE, async || queue.ready()).await;
    drop((queue, publisher));
    let left = timeout(Duration::from_millis(300), async {
        while line.open_connections() == 2 {
            sleep(Duration::from_millis(10)).await;
        }
    });
    left.await.expect_err("the consumer still needs both");
    drop(consumer);
    wait_until("no connection", PATIENCE, async || match line.open_connections() {
        0 => Ok(()),
        open => Err(format!("{open} connections")),
    })
    .await;
}

/// The broker's own console, with the environment that it was started with.
pub(super) fn rabbitmqctl(broker: &RabbitServer, arguments: &[&str]) {
    let debian = Path::new("/usr/lib/rabbitmq/bin/rabbitmqctl");
    let program = if debian.exists() { debian } else { Path::new("rabbitmqctl") };
    let environment = std::fs::read_to_string(format!("/proc/{}/environ", broker.pid())).unwrap();
    let environment = environment.split('\0').filter_map(|pair| pair.split_once('='));
    let environment: Vec<_> = environment.filter(|(name, _)| !name.starts_with("RABBITMQ_ALLOW")).collect();
    let mut command = Command::new(program);
    command.arg("-q").args(arguments).env_clear().envs(environment);
    let output = command.output().expect("rabbitmqctl starts");
    assert!(
        output.status.success(),
        "rabbitmqctl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_of_the_broker_is_told_and_stops_no_acknowledgement() {
    let broker = RabbitServer::start().await;
    let bench = OnBroker::connect(FarSide::new(&broker.vhost().url)).await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    for id in ["one", "two"] {
        publisher.publish(&job(id, &["alpha"])).await.unwrap();
    }
    rabbitmqctl(&broker, &["set_vm_memory_high_watermark", "0.000001"]);
    wait_until("the alarm", PATIENCE, async || {
        // the broker blocks a connection when it publishes
        match publisher.publish(&job("late", &["alpha"])).await {
            Err(PublishError::Unavailable(why)) if why.contains("alarm") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let told = bench.queue.ready().unwrap_err();
    assert!(told.contains("alarm"), "{told}");
    for expected in ["one", "two"] {
        let delivery = next(&mut consumer).await;
        assert_eq!(id(&delivery), expected);
        delivery.receipt.ack().await.unwrap();
    }
    rabbitmqctl(&broker, &["set_vm_memory_high_watermark", "0.9"]);
    ready(&bench).await;
    publisher.publish(&job("after", &["alpha"])).await.unwrap();
}
