//! What stands on the wire, seen from the far side.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use mtan_jobs::{Again, Attempts, MAX_BODY, PublishError, ReplyTo, SendJob, SendReport};
use mtan_testkit::{rabbit, wait_until};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use super::far_side::header;
use super::{FarSide, OnBroker};
use crate::suite::{Bench, PATIENCE, consumer, id, job, next, now, pool, publisher, ready, report};

const MANY: usize = 60;

#[tokio::test]
async fn a_job_travels_as_the_contract_says() {
    let bench = OnBroker::fresh().await;
    let expires_at = now() + Duration::from_secs(300);
    let job = SendJob { expires_at: Some(expires_at), ..job("one", &["alpha"]) };
    publisher(&bench, &["alpha"]).await.publish(&job).await.unwrap();
    let message = bench.far_side.take("mtan.send.alpha").await.expect("it lies in the pool's queue");
    assert_eq!(message.data, job.to_json());
    let properties = &message.properties;
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), "one");
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(properties.delivery_mode(), &Some(2));
    let sent_at = i64::try_from(properties.timestamp().unwrap()).unwrap();
    assert!((now().as_second() - 60..=now().as_second()).contains(&sent_at), "{sent_at}");
    let expiration: u64 = properties.expiration().as_ref().unwrap().as_str().parse().unwrap();
    assert!((3_840_000..=3_900_000).contains(&expiration), "five minutes and an hour, not {expiration} ms");
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers.get("x-mtan-attempt"), Some(&AMQPValue::LongLongInt(0)));
}

#[tokio::test]
async fn a_job_of_another_service_keeps_its_reply_to_and_trace_over_every_try() {
    let bench = OnBroker::fresh().await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString("00-trace-span-01".into()));
    headers.insert("CC".into(), AMQPValue::FieldArray(vec![].into()));
    headers.insert("x-mtan-attempt".into(), AMQPValue::LongInt(2));
    let properties = BasicProperties::default()
        .with_user_id("guest".into())
        .with_reply_to("answers".into())
        .with_correlation_id("c-1".into())
        .with_headers(headers);
    bench.far_side.publish("alpha", &job("one", &[]).to_json(), properties).await;
    let wanted = ReplyTo { queue: "answers".to_owned(), correlation_id: Some("c-1".to_owned()) };
    for (total, after) in [(2, Duration::ZERO), (3, Duration::from_millis(100)), (4, Duration::ZERO)] {
        let delivery = next(&mut consumer).await;
        assert_eq!((delivery.reply_to.as_ref(), delivery.attempts.total), (Some(&wanted), total));
        let attempts = Attempts { total: total + 1, in_pool: 1 };
        delivery.receipt.again(Again { pool: pool("alpha"), after, attempts }).await.unwrap();
    }
    let poison = SendJob::from_json(b"{}").unwrap_err();
    next(&mut consumer).await.receipt.bury(&poison).await.unwrap();
    let dead = bench.far_side.take("mtan.dead").await.unwrap();
    assert_eq!(header(&dead, "traceparent").as_deref(), Some("00-trace-span-01"));
}

#[tokio::test]
async fn poison_of_any_kind_is_handed_out_and_buried_as_it_came() {
    let bench = OnBroker::fresh().await;
    let mut consumer = consumer(&bench, "alpha", 3).await;
    let bodies: [&[u8]; 4] = [b"", b"\xff\xfe no text", b"[1,2]", &[b' '; 300_000]];
    for body in bodies {
        bench.far_side.publish("alpha", body, BasicProperties::default()).await;
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.body, body);
        let poison = SendJob::from_json(&delivery.body).unwrap_err();
        delivery.receipt.bury(&poison).await.unwrap();
        let dead = bench.far_side.take("mtan.dead").await.expect("it lies among the dead");
        assert_eq!(dead.data, body);
        assert_eq!(header(&dead, "x-mtan-reason").as_deref(), Some(poison.reason.as_str()));
        assert_eq!(header(&dead, "x-mtan-faults"), Some(poison.summary()));
        assert_eq!(
            (header(&dead, "x-mtan-pool").as_deref(), dead.routing_key.as_str()),
            (Some("alpha"), "alpha")
        );
    }
    let behind = job("behind", &["alpha"]);
    publisher(&bench, &["alpha"]).await.publish(&behind).await.unwrap();
    assert_eq!(next(&mut consumer).await.body, behind.to_json());
}

/// Of the 128 KiB that RabbitMQ allows for a frame: headers are not split, so they have to fit into one.
const MOST_HEADERS: usize = 128 * 1024 - 1024;

#[tokio::test]
async fn a_job_may_have_the_longest_body_and_the_longest_headers() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    let long = |length: usize| AMQPValue::LongString("t".repeat(length).into());
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), long(1024));
    headers.insert("tracestate".into(), long(1024));
    headers.insert("of-their-own".into(), long(MOST_HEADERS - 4096));
    let short = || "s".repeat(255);
    let properties = BasicProperties::default()
        .with_message_id(short().into())
        .with_content_type(short().into())
        .with_reply_to(short().into())
        .with_correlation_id(short().into())
        .with_headers(headers);
    let body = vec![b' '; MAX_BODY];
    bench.far_side.publish("alpha", &body, properties).await;
    for after in [Duration::ZERO, Duration::from_millis(100)] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.body, body);
        let again = Again { pool: pool("alpha"), after, attempts: Attempts { total: 1, in_pool: 1 } };
        delivery.receipt.again(again).await.unwrap();
    }
    let faults = serde_json::json!({ "v": 1, "id": "x".repeat(8000), "to": 7 }).to_string();
    let poison = SendJob::from_json(faults.as_bytes()).unwrap_err();
    next(&mut consumer).await.receipt.bury(&poison).await.unwrap();
    let dead = bench.far_side.take("mtan.dead").await.expect("it lies among the dead");
    assert_eq!(dead.data, body);
    assert_eq!(header(&dead, "tracestate").map(|text| text.len()), Some(1024));
    publisher.publish(&job("behind", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "behind");
    assert_eq!(bench.line.connections(), 2, "no connection was lost on the way");
}

#[tokio::test]
async fn of_many_jobs_that_wait_each_comes_in_its_time() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", MANY as u16).await;
    let wait = |n: usize| Duration::from_millis(200 + 50 * (n * 37 % MANY) as u64); // 200 ms to 3150 ms, shuffled
    for n in 0..MANY {
        publisher.publish(&job(&format!("{n}"), &["alpha"])).await.unwrap();
    }
    let mut in_hand = Vec::new();
    for _ in 0..MANY {
        in_hand.push(next(&mut consumer).await);
    }
    let start = Instant::now();
    let moving = in_hand.into_iter().map(|delivery| async {
        let n: usize = id(&delivery).parse().unwrap();
        let attempts = Attempts { total: 1, in_pool: 1 };
        delivery.receipt.again(Again { pool: pool("alpha"), after: wait(n), attempts }).await.unwrap();
    });
    join_all(moving).await;
    let sent_within = start.elapsed();
    for _ in 0..MANY {
        let delivery = next(&mut consumer).await;
        let (n, waited) = (id(&delivery).parse().unwrap(), start.elapsed());
        assert!(waited >= wait(n).mul_f64(0.8), "{n}: {waited:?} is too early for {:?}", wait(n));
        // behind another one at most half as long again; the rest is for a machine that is busy
        let latest = sent_within + wait(n).mul_f64(1.5) + Duration::from_secs(2);
        assert!(waited <= latest, "{n}: {waited:?} is too late for {:?}", wait(n));
        delivery.receipt.ack().await.unwrap();
    }
}

/// Answers of the broker that come at the same time are told apart: none is another one's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_jobs_at_once_each_gets_its_own_answer() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let answers = join_all((0..400).map(|n| {
        let publisher = publisher.clone();
        async move {
            let name = if n % 3 == 0 { "nowhere" } else { "alpha" };
            (name, publisher.publish(&job(&format!("job-{n}"), &[name])).await)
        }
    }));
    for (name, answer) in answers.await {
        let expected = if name == "nowhere" { Err(PublishError::Unroutable) } else { Ok(()) };
        assert_eq!(answer, expected, "{name}");
    }
}

#[tokio::test]
async fn a_full_queue_is_an_error() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let (_connection, channel) = bench.far_side.channel().await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    channel.queue_declare("small".into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind("small".into(), "mtan.send".into(), "small".into(), bind, FieldTable::default())
        .await
        .unwrap();
    let mut stored = 0;
    let refused = loop {
        match publisher.publish(&job(&format!("job-{stored}"), &["small"])).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "a queue for one job takes any number");
    };
    assert_eq!(refused, PublishError::Full);
    assert_eq!(bench.far_side.look("small").await.len(), stored, "confirmed means stored, refused means not");
}

#[tokio::test]
async fn a_job_that_nobody_takes_goes_to_the_dead() {
    let bench = OnBroker::fresh().await;
    publisher(&bench, &["alpha"]).await;
    let properties = BasicProperties::default().with_expiration("100".into());
    bench.far_side.publish("alpha", b"unread", properties).await;
    let dead = wait_until("the dead job", PATIENCE, async || {
        bench.far_side.take("mtan.dead").await.ok_or_else(|| "nothing there".to_owned())
    })
    .await;
    assert_eq!((dead.data.as_slice(), dead.routing_key.as_str()), (b"unread".as_slice(), "alpha"));
}

#[tokio::test]
async fn a_queue_that_somebody_deleted_is_declared_and_consumed_again() {
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha", "beta"]).await;
    let mut consumer = consumer(&bench, "alpha", 5).await;
    for name in ["alpha", "beta"] {
        bench.far_side.delete(&format!("mtan.send.{name}")).await;
        wait_until("a publish that goes through again", PATIENCE, async || {
            publisher.publish(&job(&format!("to-{name}"), &[name])).await.map_err(|error| error.to_string())
        })
        .await;
    }
    assert_eq!(id(&next(&mut consumer).await), "to-alpha");
    ready(&bench).await;
}

/// The broker does not tell the consumers of a queue that is there again before they could miss it.
#[tokio::test]
async fn a_queue_that_somebody_deleted_and_made_again_at_once_is_consumed_again() {
    let bench = OnBroker::fresh().await;
    let mut consumer = consumer(&bench, "alpha", 5).await;
    let other = OnBroker::connect(bench.far_side.clone()).await;
    ready(&other).await;
    bench.far_side.delete("mtan.send.alpha").await;
    publisher(&other, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "one");
}

#[tokio::test]
async fn a_queue_that_somebody_declared_in_another_way_is_told() {
    let far_side = FarSide::new(&rabbit::shared().await.url);
    far_side.declare("mtan.send.alpha").await;
    let bench = OnBroker::connect(far_side).await;
    let _publisher = bench.queue().publisher(&[pool("alpha")]);
    let told = wait_until("a reason that names the queue", PATIENCE, async || match bench.queue.ready() {
        Err(why) if why.contains("PRECONDITION") => Ok(why),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(told.contains("pool alpha") && told.contains("mtan.send.alpha"), "{told}");
    bench.far_side.delete("mtan.send.alpha").await;
    ready(&bench).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let far_side = FarSide::new(&rabbit::shared().await.url.replace("guest:guest@", "guest:hush-hush@"));
    let bench = OnBroker::connect(far_side).await;
    let told = wait_until("the refusal", PATIENCE, async || match bench.queue.ready() {
        Err(why) if why.contains("ACCESS_REFUSED") || why.contains("access") => Ok(why),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(!told.contains("hush"), "{told}");
    let refused = bench.queue.publisher(&[pool("alpha")]).publish(&job("one", &["alpha"])).await.unwrap_err();
    assert!(matches!(&refused, PublishError::Unavailable(why) if !why.contains("hush")), "{refused}");
}

#[tokio::test]
async fn a_report_goes_to_the_ledger_and_to_each_jobs_own_queue() {
    let bench = OnBroker::fresh().await;
    for queue in ["answers-1", "answers-2"] {
        bench.far_side.declare(queue).await;
    }
    ready(&bench).await;
    let reports = bench.queue().report_publisher();
    let sent: Vec<SendReport> = (1..=3).map(|n| report(&format!("job-{n}"), "")).collect();
    let reply_to = |n| ReplyTo { queue: format!("answers-{n}"), correlation_id: Some(format!("c-{n}")) };
    for (n, report) in (1..=3).zip(&sent) {
        // answers-3 is gone: that is its owner's loss, and no error
        reports.report(report, Some(&reply_to(n))).await.unwrap();
    }
    let too_long = ReplyTo { queue: "x".repeat(256), correlation_id: None };
    reports.report(&report("job-4", ""), Some(&too_long)).await.unwrap();
    for (n, report) in (1..=2).zip(&sent) {
        let answer = bench.far_side.take(&format!("answers-{n}")).await.expect("the report");
        assert_eq!(SendReport::from_json(&answer.data).unwrap(), *report);
        assert_eq!(answer.properties.correlation_id().as_ref().unwrap().as_str(), format!("c-{n}"));
    }
    let ledger = bench.far_side.look("mtan.report.otp-api").await;
    let routing: Vec<_> = ledger.iter().map(|message| message.routing_key.as_str()).collect();
    assert_eq!(routing, ["report.alpha.accepted"; 4]);
}

/// Everything that is logged in this process, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// The code as text, and as the list of bytes that Rust makes of it.
fn shows(log: &str, code: &str) -> bool {
    let bytes = format!("{:?}", code.as_bytes());
    log.contains(code) || log.contains(bytes.trim_matches(['[', ']']))
}

#[tokio::test]
async fn no_log_at_any_level_shows_a_text() {
    let log = Log::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).init();
    let bench = OnBroker::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    let secret = |name: &str| {
        let body = format!(
            r#"{{"v":1,"id":"{name}","to":"+491701234567","text":"Code 987654321","route":["{name}"]}}"#
        );
        SendJob::from_json(body.as_bytes()).unwrap()
    };
    // the library that we use logs every message that comes back, body and all
    assert_eq!(publisher.publish(&secret("nowhere")).await, Err(PublishError::Unroutable));
    publisher.publish(&secret("alpha")).await.unwrap();
    let delivery = next(&mut consumer).await;
    tracing::info!(?delivery, "in hand");
    delivery.receipt.bury(&SendJob::from_json(b"{}").unwrap_err()).await.unwrap();
    bench.queue.close().await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("connected to the broker") && log.contains("in hand"), "the log works: {log}");
    assert!(!shows(&log, "987654321"), "{log}");
}
