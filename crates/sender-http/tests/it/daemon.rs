//! The program: what it refuses, and a job on its way through real RabbitMQ and Redis.

use std::path::Path;
use std::time::{Duration, Instant};

use mtan_jobs::{Outcome, Pool, SendJob, SendReport};
use mtan_queue::Queue;
use mtan_testkit::gateway::{Behaviour, Gateway, Hold};
use mtan_testkit::process::Process;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::{free_port, rabbit, wait_until};
use serde_json::json;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mtan-sender-http");
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
    assert!(code == 0 && help.contains("HttpSMSProvider") && help.contains("MTAN_CONFIG"), "{help}");
    let (code, version) = run(&["--version"], None).await;
    assert_eq!((code, version.as_str()), (0, concat!("mtan-sender-http ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(run(&["--confg", "x"], None).await.0, 2);
}

#[tokio::test]
async fn embedded_store_and_queue_belong_to_mtan_up() {
    let output = refusal(
        r#"
store = "embedded:data"
queue = "embedded:"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL":"http://gw.example/"}'
"#,
    )
    .await;
    for line in [
        "queue: amqp://… or amqps://… is expected here: `mtan up` is the process for the embedded one",
        "store: redis://… or rediss://… is expected here: `mtan up` is the process for the embedded one",
    ] {
        assert!(output.contains(line), "{output}");
    }
}

#[tokio::test]
async fn without_a_pool_of_its_own_it_has_nothing_to_do() {
    let output = refusal(
        r#"
store = "redis://127.0.0.1:1/"
queue = "amqp://127.0.0.1:1/"
[pools.mail]
SMSProvider = "SmtpSMSProvider"
SMSProviderConfig = '{}'
"#,
    )
    .await;
    assert!(
        output.contains(
            "no pool whose SMSProvider is HttpSMSProvider was found: mtan-sender-http has nothing to do"
        ),
        "{output}"
    );
}

#[tokio::test]
async fn every_mistake_is_printed_at_once_with_its_key_and_without_its_value() {
    let output = refusal(
        r#"
queue = "http://hunter2/"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL":"ftp://hunter2","HTTP_Method":"hunter2","Url":"x"}'
[pools.slow]
SMSProvider = "smsprovider.HttpSMSProvider.HttpSMSProvider"
SMSProviderConfig = '{"URL":"http://gw.example/","TIMEOUT":"5,31"}'
[pools.odd]
SMSProvider = "HttpSmsProvider"
SMSProviderConfig = '{}'
"#,
    )
    .await;
    for line in [
        "sms.SMSProviderConfig.URL: an address that begins with http:// or https:// is expected",
        "sms.SMSProviderConfig.HTTP_Method: GET or POST is expected",
        "sms.SMSProviderConfig.Url: no such key; did you mean URL?",
        "pools.slow.SMSProviderConfig.TIMEOUT: at most sender.drain_seconds (30 s) are expected in all",
        "did you mean HttpSMSProvider?",
        "queue: ",
        "store: is missing: redis://… or rediss://… is expected",
    ] {
        assert!(output.contains(line), "{line} is missing in\n{output}");
    }
    assert!(!output.contains("hunter2"), "{output}");
}

fn configure(folder: &Path, health: u16, redis: &str, rabbit: &str, gateway: &Gateway) {
    configure_pool(folder, health, redis, rabbit, gateway, "");
}

/// With further `keys` of the pool.
fn configure_pool(folder: &Path, health: u16, redis: &str, rabbit: &str, gateway: &Gateway, keys: &str) {
    let provider = json!({ "URL": gateway.url(), "RETURN_SUCCESS": "ID" });
    let config = format!(
        r#"
store = "{redis}"
queue = "{rabbit}"
[sms]
SMSProvider = "smsprovider.HttpSMSProvider.HttpSMSProvider"
SMSProviderConfig = '{provider}'
{keys}
[sender]
http_listen = "127.0.0.1:{health}"
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
    let (gateway, folder, health) = (Gateway::start().await, TempDir::new().unwrap(), free_port());
    configure(folder.path(), health, &redis.url(), &vhost.url, &gateway);
    let mut process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
    probe(health, "/readyz", 200).await;

    let queue = Queue::amqp(&vhost.url, "test").unwrap();
    let mut reports = queue.report_consumer(tokio_util::sync::CancellationToken::new());
    publish(&queue, "first").await;
    let report = next(&mut *reports).await;
    assert_eq!((report.job_id.as_str(), report.outcome), ("first", Outcome::Accepted));
    assert_eq!((report.gateway_id.as_deref(), report.attempts), (Some("1"), 1));
    let metrics = probe(health, "/metrics", 200).await;
    assert!(metrics.contains(r#"mtan_send_total{pool="default",outcome="accepted"} 1"#), "{metrics}");
    publish(&queue, "first").await;

    let hold = Hold::new();
    gateway.next(1, Behaviour::accept().held_by(&hold));
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
    assert_eq!(gateway.attempts(), 2, "the duplicate of the first job was no SMS");
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

/// The answer to `path`, 200, once it holds all of `parts`.
async fn shows(port: u16, path: &str, parts: &[&str]) {
    wait_until(&format!("{path} with {parts:?}"), LONG, async || {
        let found = probe(port, path, 200).await;
        if parts.iter().all(|part| found.contains(part)) { Ok(()) } else { Err(found) }
    })
    .await;
}

#[tokio::test]
async fn a_breaker_that_opens_is_told_of_and_leaves_the_daemon_ready() {
    let (redis, vhost) = tokio::join!(RedisServer::start(), rabbit::shared());
    let (gateway, folder, health) = (Gateway::start().await, TempDir::new().unwrap(), free_port());
    let keys = "breaker_failures = 1\nbreaker_seconds = 1";
    configure_pool(folder.path(), health, &redis.url(), &vhost.url, &gateway, keys);
    let _process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
    shows(health, "/readyz", &[r#""pool default":"breaker closed""#]).await;
    shows(health, "/metrics", &[r#"mtan_breaker_state{pool="default"} 0"#]).await;

    let queue = Queue::amqp(&vhost.url, "test").unwrap();
    let mut reports = queue.report_consumer(tokio_util::sync::CancellationToken::new());
    gateway.always(Behaviour::answer(503, "busy"));
    publish(&queue, "one").await;
    shows(health, "/readyz", &[r#""status":"ready""#, r#""pool default":"breaker open, next probe in "#])
        .await;
    shows(health, "/metrics", &[r#"mtan_breaker_state{pool="default"} 1"#]).await;

    gateway.recover();
    assert_eq!(next(&mut *reports).await.outcome, Outcome::Accepted);
    shows(health, "/readyz", &[r#""pool default":"breaker closed""#]).await;
    shows(health, "/metrics", &[r#"mtan_breaker_state{pool="default"} 0"#]).await;
}

#[tokio::test]
async fn two_daemons_of_a_pool_keep_to_its_rate_together() {
    const JOBS: u32 = 11;
    let (redis, vhost) = tokio::join!(RedisServer::start(), rabbit::shared());
    let gateway = Gateway::start().await;
    let daemons = [(); 2].map(|()| {
        let (folder, health) = (TempDir::new().unwrap(), free_port());
        configure_pool(folder.path(), health, &redis.url(), &vhost.url, &gateway, "tps = 5.0\nburst = 1");
        let process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
        (process, folder, health)
    });
    for (_, _, health) in &daemons {
        probe(*health, "/readyz", 200).await;
    }
    let queue = Queue::amqp(&vhost.url, "test").unwrap();
    let mut reports = queue.report_consumer(tokio_util::sync::CancellationToken::new());
    let began = Instant::now();
    for i in 0..JOBS {
        publish(&queue, &format!("job-{i}")).await;
    }
    for _ in 0..JOBS {
        assert_eq!(next(&mut *reports).await.outcome, Outcome::Accepted);
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(200) * (JOBS - 1), "{JOBS} SMS at 5 a second in {took:?}");
    assert_eq!(gateway.attempts(), JOBS as usize);
}
