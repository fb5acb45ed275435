//! GET /api/v1/explain: what an administrator is told of one SMS.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use mtan_jobs::{Outcome, ReportCode};
use mtan_otp_api::{OtpApiSection, Settings};
use serde_json::{Value, json};

use crate::hand::Mood;
use crate::house::{House, Reply, SERIAL, other_than};

async fn explain(house: &House, query: &str) -> Reply {
    let request = Request::builder().uri(format!("/api/v1/explain?{query}"));
    house.send(request.header("authorization", "Bearer s3cret").body(Body::empty()).unwrap()).await
}

/// The timelines under a name that is known.
async fn timelines(house: &House, query: &str) -> Vec<Value> {
    let reply = explain(house, query).await;
    assert_eq!(reply.status, StatusCode::OK, "{query}: {reply:?}");
    reply.json()["timelines"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_login_is_told_from_the_request_to_the_delivery_report() {
    let house = House::with_admin().await;
    let (transaction, code) = house.trigger().await;
    let job = house.queue.last();
    for (outcome, report_code) in
        [(Outcome::Delivered, ReportCode::DeliveryReport), (Outcome::Accepted, ReportCode::GatewayAccepted)]
    {
        house.verifier.apply_report(&house.report(&job, outcome, report_code)).await.unwrap();
    }
    house.clock.turn(Duration::from_secs(7));
    house.post("/validate/check", format!("user=alice&pass=1234{}", other_than(&code))).await;
    house.clock.turn(Duration::from_secs(3));
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());

    let report = |outcome: &str, code: &str| {
        json!({
            "v": 1, "job_id": job.id.to_string(), "reference": transaction, "pool": "default", "provider": "http",
            "outcome": outcome, "code": code, "attempts": 1, "segments": 1, "at": "2027-01-15T08:00:00.000Z",
        })
    };
    let expected = json!({
        "job_id": job.id.to_string(),
        "transaction": transaction,
        "serial": SERIAL,
        "user": "alice",
        "realm": "default",
        "to": job.to.to_string(),
        "route": house_route(&job),
        "requested_at": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-15T08:05:00.000Z",
        "wrong_tries": ["2027-01-15T08:00:07.000Z"],
        "state": "used",
        "ended_at": "2027-01-15T08:00:10.000Z",
        "confirmed_at": "2027-01-15T08:00:00.000Z",
        "in_outbox": false,
        "reports": [report("accepted", "gateway_accepted"), report("delivered", "delivery_report")],
    });
    for id in [job.id.as_str(), &transaction, SERIAL, "alice", "alice@default", "alice&realm=Default"] {
        assert_eq!(timelines(&house, &format!("id={id}")).await, std::slice::from_ref(&expected), "{id}");
    }
    let body = explain(&house, "id=alice").await.body;
    for secret in [code.as_str(), "1701234567", "1234\""] {
        assert!(!body.contains(secret), "{body}");
    }
}

fn house_route(job: &mtan_jobs::SendJob) -> Vec<String> {
    job.route.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_newest_come_first_and_as_many_as_asked_for() {
    let house = House::with_admin().await;
    let mut transactions = Vec::new();
    for _ in 0..6 {
        transactions.insert(0, house.trigger().await.0);
        house.clock.turn(Duration::from_secs(31));
    }
    let told = async |query: &str| -> Vec<String> {
        let all = timelines(&house, query).await;
        all.iter().map(|one| one["transaction"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told("id=alice").await, transactions[..5]);
    assert_eq!(told("id=alice&newest=2").await, transactions[..2]);
    assert_eq!(told("id=alice&newest=100").await, transactions);
    let all = timelines(&house, "id=alice").await;
    assert_eq!((all[0]["state"].as_str(), all[1]["state"].as_str()), (Some("open"), Some("replaced")));
    house.clock.turn(Duration::from_secs(300));
    let newest = timelines(&house, "id=alice&newest=1").await.remove(0);
    assert_eq!((newest["state"].as_str(), &newest["ended_at"]), (Some("expired"), &newest["expires_at"]));
}

#[tokio::test]
async fn an_sms_that_the_broker_did_not_confirm_lies_in_the_outbox() {
    let house = House::with_admin().await;
    house.trigger().await;
    house.clock.turn(Duration::from_secs(31));
    house.queue.mood.set(Mood::Silent);
    house.post("/validate/smspin", "user=alice&pass=1234").await;
    let newest = timelines(&house, "id=alice").await.remove(0);
    assert_eq!((&newest["in_outbox"], newest.get("confirmed_at")), (&json!(true), None), "{newest}");
}

#[tokio::test]
async fn a_job_of_another_publisher_is_known_by_its_reports() {
    let house = House::with_admin().await;
    house.trigger().await;
    let mut report = house.report(&house.queue.last(), Outcome::Rejected, ReportCode::NumberRejected);
    report.job_id = "invoice:4711".parse().unwrap();
    report.reference = Some("their own words".parse().unwrap());
    house.verifier.apply_report(&report).await.unwrap();
    let told = timelines(&house, "id=invoice:4711").await.remove(0);
    assert_eq!((told.get("transaction"), told.get("state")), (None, None), "{told}");
    assert_eq!(told["reports"][0]["code"], "number_rejected");
}

#[tokio::test]
async fn nothing_is_known_of_a_stranger_and_no_longer_of_an_old_one() {
    let section = OtpApiSection { explain_hours: 3, ..OtpApiSection::default() };
    let mut settings = Settings { otp_api: section, ..Settings::default() };
    settings.policies = settings.policies.each(|policy| policy.remembered = Duration::from_secs(3 * 3600));
    settings.admin = Some(mtan_otp_api::Credentials { username: "admin".into(), password: "s3cret".into() });
    let house = House::with(settings).await;
    house.trigger().await;
    house.clock.turn(Duration::from_secs(300 + 3 * 3600 - 1));
    assert_eq!(timelines(&house, "id=alice").await.len(), 1);
    house.clock.turn(Duration::from_secs(1));
    for query in ["id=alice", "id=nobody", "id=11111111111111111", "id=LSSM00000000", "id=a%22b"] {
        let reply = explain(&house, query).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{query}");
        let error = &reply.json()["error"];
        assert_eq!(error["code"], "not_found");
        assert!(error["message"].as_str().unwrap().contains("3 hours ago"), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_says_what_is_expected() {
    let house = House::with_admin().await;
    house.trigger().await;
    for (query, words) in [
        ("", "a parameter id is expected"),
        ("id=", "a parameter id is expected"),
        ("id=a%00b", "can be no name"),
        ("id=a&id=b", "once"),
        ("id=alice&newest=0", "from 1 to 100"),
        ("id=alice&newest=101", "from 1 to 100"),
        ("id=alice&newest=x", "from 1 to 100"),
    ] {
        let reply = explain(&house, query).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{query}: {message}");
    }
    house.store.mood.set(Mood::Away);
    let reply = explain(&house, "id=alice").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.json()["error"]["code"], "store_away");
}

#[tokio::test]
async fn nobody_but_an_administrator_is_told() {
    let house = House::with_admin().await;
    house.trigger().await;
    assert_eq!(house.get("/api/v1/explain?id=alice").await.status, StatusCode::UNAUTHORIZED);
    let wrong = Request::builder().uri("/api/v1/explain?id=alice").header("authorization", "Bearer other");
    assert_eq!(house.send(wrong.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    let off = House::new().await;
    assert_eq!(explain(&off, "id=alice").await.status, StatusCode::FORBIDDEN);
    let told = explain(&house, "id=alice").await;
    assert_eq!(told.headers["cache-control"], "no-store");
}
