//! The program: the seed's configuration sends by a modem over real RabbitMQ and Redis, and delivery is reported.

use std::path::Path;

use mtan_jobs::{Outcome, Pool, SendJob, SendReport};
use mtan_queue::Queue;
use mtan_testkit::modem::{CnmiSupport, ModemSim, Reports, SimRules};
use mtan_testkit::process::Process;
use mtan_testkit::redis::RedisServer;
use mtan_testkit::{free_port, rabbit, wait_until};
use serde_json::json;
use tempfile::TempDir;

use crate::support::LONG;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mtan-sender-modem");

/// The seed's file and key, with the port replaced.
fn configure(folder: &Path, modem: &ModemSim, health: u16, redis: &str, rabbit: &str) {
    let gnokiirc = format!("[global]\nmodel = AT\nport = {}\nconnection = serial\n", modem.path().display());
    std::fs::write(folder.join("gnokiirc"), gnokiirc).unwrap();
    let config = format!(
        r#"
store = "{redis}"
queue = "{rabbit}"
[sms]
SMSProvider = "smsprovider.DeviceSMSProvider.DeviceSMSProvider"
SMSProviderConfig = '{{"CONFIGFILE":"gnokiirc"}}'
[sender]
modem_listen = "127.0.0.1:{health}"
"#
    );
    std::fs::write(folder.join("mtan.toml"), config).unwrap();
}

/// The answer to `path`, once it holds `words`.
async fn probe(port: u16, path: &str, words: &str) -> String {
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    wait_until(&format!("{path}: {words}"), LONG, async || {
        let url = format!("http://127.0.0.1:{port}{path}");
        let body = http.get(url).send().await.map_err(|e| e.to_string())?.text().await;
        let body = body.map_err(|e| e.to_string())?;
        if body.contains(words) { Ok(body) } else { Err(body) }
    })
    .await
}

async fn publish(queue: &Queue, id: &str) {
    let body = json!({ "id": id, "to": "+491701234567", "text": format!("Your code is 918273 ({id})"), "otp": "918273" });
    let job = SendJob::from_json(body.to_string().as_bytes()).unwrap();
    let publisher = queue.publisher(&[Pool::default_pool()]);
    wait_until("a stored job", LONG, async || publisher.publish(&job).await.map_err(|e| e.to_string())).await;
}

async fn next(reports: &mut dyn mtan_jobs::ReportConsumer) -> SendReport {
    let delivery = tokio::time::timeout(LONG, reports.next()).await.expect("a report in time").unwrap();
    let report = SendReport::from_json(&delivery.body).unwrap();
    delivery.receipt.ack().await.unwrap();
    report
}

/// The reports of one job, in whatever order they came: a delivery report may overtake.
async fn two(reports: &mut dyn mtan_jobs::ReportConsumer, id: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let report = next(reports).await;
        assert_eq!((report.job_id.as_str(), report.provider.as_str()), (id, "modem"));
        outcomes.push(report.outcome);
    }
    outcomes.sort_by_key(|outcome| !outcome.is_final());
    outcomes
}

#[tokio::test]
async fn the_seed_s_gnokiirc_sends_and_delivery_is_reported_also_after_a_restart() {
    let (redis, vhost) = tokio::join!(RedisServer::start(), rabbit::shared());
    let rules = SimRules { cnmi: CnmiSupport::Qualcomm, ..SimRules::default() };
    let (modem, folder, health) = (ModemSim::start(rules).await, TempDir::new().unwrap(), free_port());
    configure(folder.path(), &modem, health, &redis.url(), &vhost.url);
    let mut process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
    let ready = probe(health, "/readyz", "ready, registered with Test Net, -73 dBm").await;
    assert!(ready.contains("modems of default") && !ready.contains("490154203237500"), "{ready}");

    let queue = Queue::amqp(&vhost.url, "test").unwrap();
    let mut reports = queue.report_consumer(tokio_util::sync::CancellationToken::new());
    publish(&queue, "first").await;
    assert_eq!(two(&mut *reports, "first").await, [Outcome::Accepted, Outcome::Delivered]);
    let sms = modem.wait_for_sms(1).await.remove(0);
    assert_eq!(sms.text, "Your code is 918273 (first)");
    let metrics = probe(health, "/metrics", "mtan_modem_sms_total").await;
    for line in [
        r#"mtan_modem_up{modem="usb-..7500-if00-port0"} 1"#,
        r#"mtan_modem_registered{modem="usb-..7500-if00-port0"} 1"#,
        r#"mtan_modem_signal_dbm{modem="usb-..7500-if00-port0"} -73"#,
        r#"mtan_modem_sms_total{modem="usb-..7500-if00-port0",outcome="accepted"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }

    // the network knows nothing yet when the process dies, and tells the next one
    modem.change(|rules| rules.reports = Reports { delay: LONG / 6, ..Reports::failed() });
    publish(&queue, "second").await;
    let report = next(&mut *reports).await;
    assert_eq!((report.job_id.as_str(), report.outcome), ("second", Outcome::Accepted));
    process.kill();
    process.restart();
    let report = next(&mut *reports).await;
    assert_eq!((report.job_id.as_str(), report.outcome), ("second", Outcome::Undelivered));
    assert!(report.detail.as_deref().is_some_and(|word| word.starts_with("0x46")), "{:?}", report.detail);
    process.terminate();
    assert!(process.wait(LONG).await.success());
    assert_eq!(modem.sms().len(), 2, "nothing went twice");
    let output = process.lines().join("\n");
    assert!(!output.contains("918273") && !output.contains("1701234567"), "{output}");
}

#[tokio::test]
async fn every_mistake_of_a_gnokiirc_is_printed_with_file_line_and_key() {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("gnokiirc"),
        "[global]\nmodel = 6310\nport = /dev/ttyACM1\nconnection = serial\n",
    )
    .unwrap();
    let config = r#"
store = "redis://127.0.0.1:1/"
queue = "amqp://127.0.0.1:1/"
[sms]
SMSProvider = "DeviceSMSProvider"
SMSProviderConfig = '{"CONFIGFILE":"gnokiirc","SMS_PER_MINUTE":0}'
"#;
    std::fs::write(folder.path().join("mtan.toml"), config).unwrap();
    let mut process = Process::start_in(folder.path(), PROGRAM, &["--config", "mtan.toml"], &[]);
    assert_eq!(process.wait(LONG).await.code(), Some(2));
    let output = process.lines().join("\n");
    for word in
        ["CONFIGFILE: gnokiirc, line 2: model: AT or AT-HW is expected", "SMS_PER_MINUTE: a whole number"]
    {
        assert!(output.contains(word), "{word} is missing in\n{output}");
    }
}
