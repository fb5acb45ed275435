//! The whole face over the embedded queue: trigger, job, report, ledger, code, stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use mtan_embedded::Embedded;
use mtan_jobs::{Clock, Outcome, Pool, ReportCode, SendJob, SendReport, SystemClock};
use mtan_otp_api::{OtpApi, OtpApiSection, Settings};
use mtan_queue::Queue;
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;
use mtan_testkit::wait_until;
use mtan_verifier::{NewToken, Pin, Policy, SystemRandom, UserRef, Verifier};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Takes one job as a sender would, and reports that the gateway took it.
async fn send_one(queue: Queue, pool: Pool) -> SendJob {
    let mut consumer = queue.consumer(&pool, 1);
    let delivery = consumer.next().await.expect("a job");
    let job = SendJob::from_json(&delivery.body).unwrap();
    let report = SendReport {
        job_id: job.id.clone(),
        reference: job.reference.clone(),
        pool,
        provider: "test".into(),
        outcome: Outcome::Accepted,
        code: ReportCode::GatewayAccepted,
        detail: None,
        gateway_id: None,
        attempts: 1,
        segments: 1,
        at: SystemClock.now(),
    };
    queue.report_publisher().report(&report, None).await.unwrap();
    delivery.receipt.ack().await.unwrap();
    job
}

async fn post(address: &str, path: &str, form: &str) -> Value {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("http://{address}{path}")).header("content-type", crate::house::FORM);
    request.body(form.to_owned()).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_trigger_is_sent_reported_and_answered_and_a_stop_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = Embedded::open(&folder.path().join("mtan.redb")).unwrap();
    let (key, clock) = (ServerKey::generate(), Arc::new(SystemClock));
    let queue = Queue::embedded(&file, &key, clock.clone());
    let pool = Pool::default_pool();
    let settings = Settings {
        // The answer waits for the report: so the ledger's clerk has kept it by then.
        otp_api: OtpApiSection { report_wait_ms: 20_000, ..OtpApiSection::default() },
        policies: Policy::default().into(),
        pools: vec![pool.clone()],
        ..Settings::default()
    };
    let verifier = Arc::new(Verifier::new(
        mtan_store::embedded(&file),
        queue.publisher(&settings.pools),
        clock.clone(),
        Arc::new(SystemRandom),
        key,
        settings.policies.clone(),
    ));
    let alice = NewToken {
        user: Some(UserRef::new("alice", "default").unwrap()),
        ..NewToken::new(PhoneNumber::parse("+491701234567").unwrap(), Pin::new("1234"))
    };
    verifier.enrol(alice).await.unwrap();

    let listener = mtan_daemon::listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let beside = Router::new().route("/phone", get(async || "a page beside the face"));
    let api = OtpApi::new(verifier.clone(), &settings, clock);
    let running = {
        let (queue, stop) = (queue.clone(), stop.clone());
        tokio::spawn(async move { api.run(listener, beside, &queue, stop).await })
    };

    let sender = tokio::spawn(send_one(queue.clone(), pool));
    let triggered = post(&address, "/validate/smspin", "user=alice&pass=1234").await;
    assert_eq!(triggered["result"]["value"], true, "{triggered}");
    let job = sender.await.unwrap();
    let entry = verifier.ledger_entry(&job.id).await.unwrap().unwrap();
    assert_eq!(entry.outcome.unwrap().outcome, Outcome::Accepted);
    let form = format!("user=alice&pass=1234{}", job.otp.unwrap());
    assert_eq!(post(&address, "/validate/check", &form).await["result"]["value"], true);
    assert_eq!(post(&address, "/validate/check", &form).await["result"]["value"], false);

    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(verifier.outbox_depth().await.unwrap(), 0);
    wait_until("the closed door", Duration::from_secs(5), async || {
        match tokio::net::TcpStream::connect(&address).await {
            Ok(_) => Err("still open".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
}
