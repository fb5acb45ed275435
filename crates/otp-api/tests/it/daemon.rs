//! The program over real Redis and RabbitMQ: a login, a Redis that dies and comes back, a stop.

use std::path::Path;
use std::time::{Duration, Instant};

use mtan_jobs::{Clock, Outcome, Pool, ReportCode, SendJob, SendReport, SystemClock};
use mtan_queue::Queue;
use mtan_seal::ServerKey;
use mtan_testkit::process::Process;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::{free_port, rabbit, wait_until};
use serde_json::Value;

use crate::house::FORM;

const LONG: Duration = Duration::from_secs(30);

/// A client of the running program.
struct Client {
    http: reqwest::Client,
    address: String,
}

impl Client {
    fn new(port: u16) -> Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        Client { http, address: format!("http://127.0.0.1:{port}") }
    }

    async fn post(&self, path: &str, form: &str) -> Value {
        let request = self.http.post(format!("{}{path}", self.address)).bearer_auth("s3cret");
        let response = request.header("content-type", FORM).body(form.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    async fn says_yes(&self, path: &str, form: &str) -> bool {
        self.post(path, form).await["result"]["value"].as_bool().unwrap()
    }

    /// Status and body of /readyz, once it is `status`.
    async fn readyz(&self, status: u16) -> String {
        wait_until(&format!("/readyz {status}"), LONG, async || {
            let response =
                self.http.get(format!("{}/readyz", self.address)).send().await.map_err(|e| e.to_string())?;
            let found = response.status().as_u16();
            let body = response.text().await.map_err(|e| e.to_string())?;
            if found == status { Ok(body) } else { Err(format!("{found} {body}")) }
        })
        .await
    }
}

/// Takes one job as a sender would, and reports that the gateway took it.
async fn send_one(queue: &Queue, pool: &Pool) -> SendJob {
    let mut consumer = queue.consumer(pool, 1);
    let delivery = consumer.next().await.unwrap();
    let job = SendJob::from_json(&delivery.body).unwrap();
    let report = SendReport {
        job_id: job.id.clone(),
        reference: job.reference.clone(),
        pool: pool.clone(),
        provider: "test".into(),
        outcome: Outcome::Accepted,
        code: ReportCode::GatewayAccepted,
        detail: None,
        gateway_id: None,
        attempts: 1,
        segments: 1,
        at: SystemClock.now(),
    };
    let reports = queue.report_publisher();
    wait_until("a stored report", LONG, async || {
        reports.report(&report, None).await.map_err(|e| e.to_string())
    })
    .await;
    delivery.receipt.ack().await.unwrap();
    job
}

fn configure(folder: &Path, port: u16, redis: &str, rabbit: &str) {
    ServerKey::create(&folder.join("server.key")).unwrap();
    let config = format!(
        r#"
store = "{redis}"
queue = "{rabbit}"
server_key_file = "server.key"
[otp_api]
listen = "127.0.0.1:{port}"
report_wait_ms = 9000
[admin]
username = "admin"
password = "s3cret"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{{"URL": "http://gateway.example/"}}'
SMSBlockingTimeout = 0
"#
    );
    std::fs::write(folder.join("mtan.toml"), config).unwrap();
}

#[tokio::test]
async fn the_program_logs_in_over_redis_and_a_broker_and_outlives_a_dead_redis() {
    let (mut redis, vhost) = tokio::join!(RedisServer::start(), rabbit::shared());
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    configure(folder.path(), port, &redis.url(), &vhost.url);
    let program = env!("CARGO_BIN_EXE_mtan-otp-api");
    let mut process = Process::start_in(folder.path(), program, &["--config", "mtan.toml"], &[]);
    let client = Client::new(port);
    client.readyz(200).await;

    let init = "type=sms&user=alice&phone=%2B491701234567&pin=pin-7x7";
    assert!(client.says_yes("/admin/init", init).await);
    let (queue, pool) = (Queue::amqp(&vhost.url, "test").unwrap(), Pool::default_pool());
    // The answer waits for the report: it is yes only after the whole way there and back.
    let (triggered, job) =
        tokio::join!(client.says_yes("/validate/smspin", "user=alice&pass=pin-7x7"), send_one(&queue, &pool));
    assert!(triggered);
    let right = format!("user=alice&pass=pin-7x7{}", job.otp.as_ref().unwrap());

    redis.kill();
    let begun = Instant::now();
    assert!(!client.says_yes("/validate/check", &right).await, "never a yes without the store");
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let missing = client.readyz(503).await;
    assert!(missing.contains("\"store\":") && missing.contains("\"queue\":\"ok\""), "{missing}");
    redis.restart().await;
    client.readyz(200).await;

    assert!(client.says_yes("/validate/check", &right).await, "work goes on by itself");
    assert!(!client.says_yes("/validate/check", &right).await, "once");

    process.terminate();
    let status = process.wait(LONG).await;
    let log = process.lines().join("\n");
    assert_eq!(status.code(), Some(0), "{log}");
    for secret in ["pin-7x7", "s3cret", "1701234567", job.otp.as_ref().unwrap()] {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
    queue.close().await;
}
