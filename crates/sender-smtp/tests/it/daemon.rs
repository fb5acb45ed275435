//! The program: what it refuses, and a job on its way through real RabbitMQ and Redis.

use std::path::Path;
use std::time::Duration;

use mtan_jobs::{Outcome, Pool, SendJob, SendReport};
use mtan_queue::Queue;
use mtan_testkit::gateway::Hold;
use mtan_testkit::process::Process;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::smtp::{Act, Offer, SmtpSink, Stage};
use mtan_testkit::{free_port, rabbit, wait_until};
use serde_json::json;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mtan-sender-smtp");
const LONG: Duration = Duration::from_secs(30);

/// Runs the program to its end: exit code and output.
async fn run(arguments: &[&str], config: Option<&str>) -> (i32, String) {
    let folder = TempDir::new().unwrap();
    if let Some(config) = config {
        std::fs::write(folder.path().join("mtan.toml"), config).unwrap();
    }
    let mut process = Process::start_in(folder.path(), PROGRAM, arguments, &[]);
    let code = process.wait(LONG).await.code().unwrap();
    (code, process.lines().join("\n"))
}

async fn refusal(config: &str) -> String {
    let (code, output) = run(&["--config", "mtan.toml"], Some(config)).await;
    assert_eq!(code, 2, "{output}");
    output
}

#[tokio::test]
async fn help_and_version_are_there() {
    let (code, help) = run(&["--help"], None).await;
    assert!(code == 0 && help.contains("SmtpSMSProvider") && help.contains("MTAN_CONFIG"), "{help}");
    let (code, version) = run(&["--version"], None).await;
    assert_eq!((code, version.as_str()), (0, concat!("mtan-sender-smtp ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(run(&["--confg", "x"], None).await.0, 2);
}

#[tokio::test]
async fn without_a_pool_of_its_own_it_has_nothing_to_do() {
    let output = refusal(
        r#"
store = "redis://127.0.0.1:1/"
queue = "amqp://127.0.0.1:1/"
[pools.web]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{}'
"#,
    )
    .await;
    let words = "no pool whose SMSProvider is SmtpSMSProvider was found: mtan-sender-smtp has nothing to do";
    assert!(output.contains(words), "{output}");
}

#[tokio::test]
async fn every_mistake_is_printed_at_once_with_its_key_and_without_its_value() {
    let output = refusal(
        r#"
queue = "amqp://127.0.0.1:1/"
store = "redis://127.0.0.1:1/"
[sms]
SMSProvider = "SmtpSMSProvider"
SMSProviderConfig = '{"mailserver":"smtp://hunter2","mailpassword":"hunter2","Mailto":"x"}'
[pools.slow]
SMSProvider = "smsprovider.SmtpSMSProvider.SmtpSMSProvider"
SMSProviderConfig = '{"mailserver":"m","mailsender":"a@b","mailto":"<phone>@c","TIMEOUT":"5,31"}'
"#,
    )
    .await;
    for line in [
        "sms.SMSProviderConfig.mailserver: host or host:port is expected",
        "sms.SMSProviderConfig.mailsender: is required",
        "sms.SMSProviderConfig.mailuser: is required beside mailpassword",
        "sms.SMSProviderConfig.Mailto: no such key; did you mean mailto?",
        "pools.slow.SMSProviderConfig.TIMEOUT: at most sender.drain_seconds (30 s) are expected in all",
    ] {
        assert!(output.contains(line), "{line} is missing in\n{output}");
    }
    assert!(!output.contains("hunter2"), "{output}");
}

fn configure(folder: &Path, health: u16, redis: &str, rabbit: &str, sink: &SmtpSink) {
    let provider = json!({
        "mailserver": sink.address().to_string(),
        "mailsender": "mtan@sender.test",
        "mailto": "<phone>@gateway.test",
        "body": "<text>",
    });
    let config = format!(
        r#"
store = "{redis}"
queue = "{rabbit}"
[sms]
SMSProvider = "smsprovider.SmtpSMSProvider.SmtpSMSProvider"
SMSProviderConfig = '{provider}'
[sender]
smtp_listen = "127.0.0.1:{health}"
"#
    );
    std::fs::write(folder.join("mtan.toml"), config).unwrap();
}

/// The answer to `path`, once its status is `status`.
async fn probe(port: u16, path: &str, status: u16) -> String {
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    wait_until(&format!("{path} {status}"), LONG, async || {
        let url = format!("http://127.0.0.1:{port}{path}");
        let response = http.get(url).send().await.map_err(|e| e.to_string())?;
        let found = response.status().as_u16();
        let body = response.text().await.map_err(|e| e.to_string())?;
        if found == status { Ok(body) } else { Err(format!("{found} {body}")) }
    })
    .await
}

async fn publish(queue: &Queue, id: &str) {
    let body = json!({ "id": id, "to": "+491701234567", "text": format!("Your code is 918273 ({id})"), "otp": "918273" });
    let job = SendJob::from_json(body.to_string().as_bytes()).unwrap();
    let publisher = queue.publisher(&[Pool::default_pool()]);
    wait_until("a stored job", LONG, async || publisher.publish(&job).await.map_err(|e| e.to_string())).await;
}

#[tokio::test]
async fn a_job_goes_out_is_reported_and_a_stop_finishes_what_is_in_hand() {
    let (mut redis, vhost) = tokio::join!(RedisServer::start(), rabbit::shared());
    let (sink, folder, health) =
        (SmtpSink::start(Offer::plain()).await, TempDir::new().unwrap(), free_port());
    configure(folder.path(), health, &redis.url(), &vhost.url, &sink);
    let mut process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
    probe(health, "/readyz", 200).await;

    let queue = Queue::amqp(&vhost.url, "test").unwrap();
    let mut reports = queue.report_consumer(tokio_util::sync::CancellationToken::new());
    publish(&queue, "first").await;
    let report = next(&mut *reports).await;
    assert_eq!((report.job_id.as_str(), report.outcome), ("first", Outcome::Accepted));
    assert_eq!((report.gateway_id.as_deref(), report.attempts), (Some("SINK1"), 1));
    let metrics = probe(health, "/metrics", 200).await;
    assert!(metrics.contains(r#"mtan_send_total{pool="default",outcome="accepted"} 1"#), "{metrics}");
    publish(&queue, "first").await;

    let hold = Hold::new();
    sink.next(1, Stage::Dot, Act::ordinary().held_by(&hold));
    publish(&queue, "second").await;
    hold.wait_for(1).await;
    process.terminate();
    assert!(probe(health, "/readyz", 503).await.contains("stopping"));
    hold.release();
    assert!(process.wait(LONG).await.success());
    // the duplicate may have come before the book knew that the first report was out: then it is repeated, the same
    let mut report = next(&mut *reports).await;
    while report.job_id.as_str() == "first" {
        assert_eq!((report.outcome, report.attempts), (Outcome::Accepted, 1));
        report = next(&mut *reports).await;
    }
    assert_eq!((report.job_id.as_str(), report.outcome), ("second", Outcome::Accepted));
    assert_eq!(sink.mails().len(), 2, "the duplicate of the first job was no SMS");
    assert_eq!(sink.mails()[0].recipients, ["+491701234567@gateway.test"]);
    let output = process.lines().join("\n");
    assert!(!output.contains("918273") && !output.contains("1701234567"), "{output}");

    redis.kill();
    process.restart();
    let body = probe(health, "/readyz", 503).await;
    assert!(body.contains("claims"), "{body}");
    redis.restart().await;
    probe(health, "/readyz", 200).await;
    process.terminate();
    assert!(process.wait(LONG).await.success());
}

async fn next(reports: &mut dyn mtan_jobs::ReportConsumer) -> SendReport {
    let delivery = tokio::time::timeout(LONG, reports.next()).await.expect("a report in time").unwrap();
    let report = SendReport::from_json(&delivery.body).unwrap();
    delivery.receipt.ack().await.unwrap();
    report
}
