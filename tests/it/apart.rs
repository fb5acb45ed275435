//! Stories of separate processes: what happens when one of them, or a line between them, is gone at the worst moment.

use mtan_testkit::gateway::{Behaviour, Hold};
use serde_json::json;

use crate::house::{House, PATIENCE, Plan, code};
use crate::reports::Onlooker;

const PHONE: &str = "+491701234567";

/// A job of a later story goes through: whatever was still to come of an earlier one has come before it.
async fn marker(house: &House, onlooker: &mut Onlooker) {
    let body = json!({"id": "marker", "to": "+491709999999", "text": "marker"});
    onlooker.publish("default", &serde_json::to_vec(&body).unwrap()).await;
    house.sms_to("+491709999999", 1).await;
    while onlooker.next().await["job_id"] != "marker" {}
}

/// Alice's SMS is with the gateway, which answers when the hold is released.
async fn in_the_gateways_hands() -> (House, Onlooker, Hold) {
    let mut house = House::distributed(Plan::default()).await;
    let onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    house.enrol("alice", PHONE, "4711").await;
    let hold = Hold::new();
    house.gateway.next(1, Behaviour::accept().held_by(&hold));
    assert!(house.smspin("alice", "4711").await);
    hold.wait_for(1).await;
    (house, onlooker, hold)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_gateways_answer_and_the_report_the_job_still_ends_in_one_report() {
    let (mut house, mut onlooker, hold) = in_the_gateways_hands().await;

    // From now on nothing of the sender reaches the broker: no report, no acknowledgement.
    house.apart().sender_amqp.pause();
    hold.release();
    house.gateway.wait_for_answers(1).await;
    house.apart().sender.wait_for_line("gateway accepted").await;
    house.apart().sender.kill();
    house.apart().sender_amqp.resume();
    house.start_sending().await;

    let report = onlooker.next().await;
    assert_eq!(
        (report["outcome"].as_str(), report["code"].as_str()),
        (Some("accepted"), Some("gateway_accepted"))
    );
    marker(&house, &mut onlooker).await;
    let finals = onlooker.finals();
    let of_job = &finals[report["job_id"].as_str().unwrap()];
    assert_eq!(of_job.len(), 1, "exactly one final report: {of_job:?}");

    let sms = house.gateway.sms_to(PHONE);
    assert!(sms.len() <= 2, "at most one duplicate");
    assert!(sms.iter().all(|s| code(s) == code(&sms[0])), "with the same text");
    assert!(house.check("alice", &format!("4711{}", code(&sms[0]))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_claim_is_settled_the_same_text_goes_out_once_more_and_one_report_comes() {
    let (mut house, mut onlooker, hold) = in_the_gateways_hands().await;

    // The book never hears of the answer.
    house.apart().sender_redis.pause();
    hold.release();
    house.gateway.wait_for_answers(1).await;
    house.apart().sender.kill();
    house.apart().sender_redis.resume();
    house.start_sending().await;

    let report = onlooker.next().await;
    assert_eq!(report["outcome"], "accepted");
    marker(&house, &mut onlooker).await;
    assert_eq!(onlooker.finals()[report["job_id"].as_str().unwrap()].len(), 1);
    let sms = house.gateway.sms_to(PHONE);
    assert_eq!(sms.len(), 2, "nobody knows of the first one, and the rule is to send once more");
    assert_eq!(code(&sms[0]), code(&sms[1]));
    assert!(house.check("alice", &format!("4711{}", code(&sms[1]))).await);
    assert!(!house.check("alice", &format!("4711{}", code(&sms[0]))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_promise_and_confirm_the_relay_brings_the_sms() {
    let mut house = House::distributed(Plan::default()).await;
    house.enrol("alice", PHONE, "4711").await;
    house.apart().api_amqp.pause();
    assert!(!house.smspin("alice", "4711").await, "not confirmed, so not promised");
    house.api.kill();
    house.apart().api_amqp.resume();
    house.start_api().await;
    let sms = house.sms_to(PHONE, 1).await;
    assert!(house.check("alice", &format!("4711{}", code(&sms[0]))).await, "the outbox had it");
    assert_eq!(house.gateway.sms_to(PHONE).len(), 1, "published twice perhaps, sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_the_answer_is_no_and_work_resumes_by_itself() {
    let mut house = House::distributed(Plan { blocking: 0, ..Plan::default() }).await;
    house.enrol("alice", PHONE, "4711").await;
    house.apart().api_amqp.cut().await;
    house.apart().sender_amqp.cut().await;
    assert!(!house.smspin("alice", "4711").await);
    let (status, body) = house.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("queue"), "{body}");
    assert_eq!(house.get("/healthz").await.0, 200, "alive all the same");
    house.apart().api_amqp.resume();
    house.apart().sender_amqp.resume();
    house.ready().await;
    assert!(house.smspin("alice", "4711").await);
    let sms = house.sms_to(PHONE, 1).await;
    let newest = sms.last().unwrap();
    assert!(house.check("alice", &format!("4711{}", code(newest))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_the_answer_is_no_and_work_resumes_by_itself() {
    let mut house = House::distributed(Plan::default()).await;
    house.enrol("alice", PHONE, "4711").await;
    assert!(house.smspin("alice", "4711").await);
    let pass = format!("4711{}", code(&house.sms_to(PHONE, 1).await[0]));
    house.apart().redis.kill();
    assert!(!house.check("alice", &pass).await, "never a yes without the store");
    let (status, body) = house.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("store"), "{body}");
    house.apart().redis.restart().await;
    house.ready().await;
    assert!(house.check("alice", &pass).await, "the challenge has outlived the outage");
    assert!(!house.check("alice", &pass).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_is_an_honest_no() {
    let mut house = House::distributed(Plan::default()).await;
    house.enrol("alice", PHONE, "4711").await;
    house.apart().redis.freeze();
    assert!(!house.check("alice", "4711").await);
    assert!(!house.smspin("alice", "4711").await);
    house.apart().redis.thaw();
    house.ready().await;
    assert!(house.smspin("alice", "4711").await);
    house.sms_to(PHONE, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing_that_was_promised() {
    let mut house = House::with_own_broker(Plan::default()).await;
    house.gateway.refuse().await;
    for n in 0..5 {
        let user = format!("user{n}");
        house.enrol(&user, &format!("+49170123450{n}"), "4711").await;
        assert!(house.smspin(&user, "4711").await);
    }
    house.apart().broker.as_mut().unwrap().kill();
    house.apart().broker.as_mut().unwrap().restart().await;
    house.gateway.listen();
    house.ready().await;
    for n in 0..5 {
        let sms = house.sms_to(&format!("+49170123450{n}"), 1).await;
        assert!(house.check(&format!("user{n}"), &format!("4711{}", code(&sms[0]))).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_senders_share_the_work_and_no_sms_is_sent_twice() {
    let mut house = House::distributed(Plan { max_in_flight: 3, ..Plan::default() }).await;
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    let hold = Hold::new();
    house.gateway.always(Behaviour::accept().held_by(&hold));
    let mut other = house.another_sender();
    other.wait_for_line("sender started").await;
    for n in 0..40 {
        let body = json!({"id": format!("job-{n}"), "to": format!("+4917012345{n:02}"), "text": format!("number {n}")});
        onlooker.publish("default", &serde_json::to_vec(&body).unwrap()).await;
    }
    hold.wait_for(6).await; // three in the hands of each
    hold.release();
    for _ in 0..40 {
        assert_eq!(onlooker.next().await["outcome"], "accepted");
    }
    for n in 0..40 {
        assert_eq!(house.gateway.sms_to(&format!("+4917012345{n:02}")).len(), 1);
    }
    other.terminate();
    assert!(other.wait(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_services_garbage_is_buried_and_its_good_job_is_sent_once() {
    let mut house = House::distributed(Plan::default()).await;
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    onlooker.publish("default", b"\xff\xfenot json").await;
    let (body, reason) = onlooker.dead_letter().await;
    assert_eq!(body, b"\xff\xfenot json");
    assert_eq!(reason, "not_json");

    onlooker.publish("default", br#"{"id":"order-1","to":"0170","text":"x","reference":"mine"}"#).await;
    let report = onlooker.next().await;
    assert_eq!(
        (
            report["job_id"].as_str(),
            report["outcome"].as_str(),
            report["code"].as_str(),
            report["reference"].as_str()
        ),
        (Some("order-1"), Some("rejected"), Some("invalid_job"), Some("mine"))
    );
    assert_eq!(onlooker.dead_letter().await.1, "invalid_job");

    let good = json!({"id": "order-2", "to": PHONE, "text": "Ihr Paket & mehr: 100% + 5 € <ok>", "reference": "mine"});
    let good = serde_json::to_vec(&good).unwrap();
    onlooker.publish("default", &good).await;
    let report = onlooker.next().await;
    assert_eq!((report["job_id"].as_str(), report["outcome"].as_str()), (Some("order-2"), Some("accepted")));
    assert_eq!(house.gateway.sms_to(PHONE)[0].parameter("text"), Some("Ihr Paket & mehr: 100% + 5 € <ok>"));

    onlooker.publish("default", &good).await; // the same id once more is the same SMS
    marker(&house, &mut onlooker).await;
    onlooker.wait_until_empty("mtan.send.default").await;
    assert_eq!(house.gateway.sms_to(PHONE).len(), 1);
    assert_eq!(onlooker.finals()["order-2"].len(), 1);
}
