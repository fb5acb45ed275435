//! An installation that waits for the report of a fresh trigger.

use mtan_jobs::{Outcome, ReportCode};
use mtan_otp_api::{OtpApiSection, Settings};
use mtan_testkit::wait_until;
use std::time::Duration;

use crate::house::{House, Reply};

async fn house(report_wait_ms: u64) -> House {
    let section = OtpApiSection { report_wait_ms, ..OtpApiSection::default() };
    House::with(Settings { otp_api: section, ..Settings::default() }).await
}

/// The answer to a trigger whose job ends as `outcome` says.
async fn trigger_and_report(house: &House, path: &str, outcome: Outcome, code: ReportCode) -> Reply {
    let report = async {
        wait_until("the job", Duration::from_secs(5), async || match house.queue.count() {
            0 => Err("none yet".to_owned()),
            _ => Ok(()),
        })
        .await;
        house.verifier.apply_report(&house.report(&house.queue.last(), outcome, code)).await.unwrap();
    };
    tokio::join!(house.post(path, "user=alice&pass=1234"), report).0
}

#[tokio::test]
async fn an_sms_that_did_not_go_out_is_a_no() {
    for (outcome, code) in [
        (Outcome::Rejected, ReportCode::GatewayRejected),
        (Outcome::Expired, ReportCode::Expired),
        (Outcome::Unknown, ReportCode::NoAnswer),
    ] {
        for path in ["/validate/check", "/validate/smspin"] {
            let reply = trigger_and_report(&house(20_000).await, path, outcome, code).await;
            assert!(!reply.value(), "{reply:?}");
            assert_eq!(reply.json()["detail"], serde_json::json!({"message": "sending sms failed"}));
            assert_eq!(reply.json()["id"], 0);
        }
        let reply = trigger_and_report(&house(20_000).await, "/validate/simplecheck", outcome, code).await;
        assert_eq!(reply.body, ":-(");
    }
}

#[tokio::test]
async fn an_sms_that_went_out_is_answered_at_once() {
    let house = house(60_000).await;
    let reply =
        trigger_and_report(&house, "/validate/smspin", Outcome::Accepted, ReportCode::GatewayAccepted).await;
    assert!(reply.value());
    // The second one sends nothing, so it waits for nothing.
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value());
}

#[tokio::test]
async fn no_report_in_time_is_no_failure() {
    let house = house(1).await;
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value());
}
