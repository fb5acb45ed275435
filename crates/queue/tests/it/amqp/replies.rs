//! `reply_to` is a stranger's word: it does no harm to anybody but him.

use std::time::Duration;

use lapin::BasicProperties;
use mtan_jobs::{Again, Attempts, ReplyTo};
use mtan_testkit::rabbit::RabbitServer;
use tokio::time::timeout;

use super::outages::rabbitmqctl;
use super::{FarSide, OnBroker};
use crate::suite::{Bench, PATIENCE, consumer, id, job, next, pool, publisher, ready, report};

/// More than RabbitMQ holds in flight to a target that does not take them: beyond it such a retry queue stands still.
const STORM: usize = 80;

/// Reports in a retry queue would have a routing key that leads nowhere, and stop it for every job that waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_comes_back_after_many_reports_to_the_retry_queues() {
    let bench = OnBroker::fresh().await;
    let mut consumer = consumer(&bench, "alpha", 1).await;
    let reports = bench.queue().report_publisher();
    for n in 0..STORM {
        let queue = if n % 2 == 0 { "mtan.retry.1000" } else { "MTAN.retry.1000" };
        let reply_to = |queue: &str| ReplyTo { queue: queue.to_owned(), correlation_id: None };
        // as it would come from a book of awaited delivery reports, and as it comes with a job
        reports.report(&report(&format!("job-{n}"), ""), Some(&reply_to("mtan.retry.1000"))).await.unwrap();
        let properties = BasicProperties::default().with_reply_to(queue.into());
        bench.far_side.publish("alpha", &job(&format!("job-{n}"), &[]).to_json(), properties).await;
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.reply_to, None);
        delivery.receipt.ack().await.unwrap();
    }
    let asker = ReplyTo { queue: "mtan.send.alpha".to_owned(), correlation_id: None };
    reports.report(&report("last", ""), Some(&asker)).await.unwrap();
    publisher(&bench, &["alpha"]).await.publish(&job("honest", &["alpha"])).await.unwrap();
    let honest = next(&mut consumer).await;
    assert_eq!(id(&honest), "honest", "no report lies among the jobs");
    let attempts = Attempts { total: 1, in_pool: 1 };
    let again = Again { pool: pool("alpha"), after: Duration::from_secs(1), attempts };
    honest.receipt.again(again).await.unwrap();
    let back = next(&mut consumer).await;
    assert_eq!((id(&back), back.attempts), ("honest".to_owned(), attempts));
    let ledger = bench.far_side.look("mtan.report.otp-api").await;
    assert_eq!(ledger.len(), STORM + 1, "every report went to the ledger");
}

/// A queue whose process stands still takes messages and does not confirm them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_queue_that_does_not_confirm_loses_its_report_and_nobody_else_does() {
    let broker = RabbitServer::start().await;
    let vhost = broker.vhost();
    let bench = OnBroker::connect(FarSide::new(&vhost.url)).await;
    bench.far_side.declare("answers").await;
    ready(&bench).await;
    let found = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{}\">>, queue, <<\"answers\">>))",
        vhost.name
    );
    rabbitmqctl(&broker, &["eval", &format!("{found}, sys:suspend(amqqueue:get_pid(Q)).")]);
    let reply_to = ReplyTo { queue: "answers".to_owned(), correlation_id: None };
    let sent = report("one", "");
    let reports = bench.queue().report_publisher();
    let answer = timeout(PATIENCE, reports.report(&sent, Some(&reply_to))).await.expect("it is given up");
    assert_eq!(answer, Ok(()), "the ledger has it: nobody is to publish it again");
    assert_eq!(bench.far_side.look("mtan.report.otp-api").await.len(), 1);
    rabbitmqctl(&broker, &["eval", &format!("{found}, sys:resume(amqqueue:get_pid(Q)).")]);
    ready(&bench).await; // nothing is owed any more
    assert_eq!(bench.far_side.look("answers").await.len(), 2, "it was tried once more");
}
