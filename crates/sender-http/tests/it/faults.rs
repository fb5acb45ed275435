//! Whatever the gateway does, it becomes the right verdict.

use std::time::{Duration, Instant};

use mtan_sender::{Provider, Verdict};
use mtan_testkit::free_port;
use mtan_testkit::gateway::{Behaviour, Gateway};
use serde_json::json;

use crate::support::{in_time, job, provider, provider_at, send, word};

#[tokio::test]
async fn every_misbehaviour_has_its_verdict() {
    let seconds = Duration::from_secs;
    for (behaviour, expected) in [
        (Behaviour::accept(), "accepted 1"),
        (Behaviour::answer(200, "ERR 7"), "rejected gateway_rejected"),
        (Behaviour::answer(200, ""), "rejected gateway_rejected"),
        (Behaviour::answer(400, "bad"), "rejected gateway_rejected"),
        (Behaviour::answer(401, "who?"), "rejected gateway_auth_failed"),
        (Behaviour::answer(403, "no"), "rejected gateway_auth_failed"),
        (Behaviour::throttle(seconds(7)), "retry gateway_busy"),
        (Behaviour::answer(500, "oops"), "retry gateway_error"),
        (Behaviour::answer(503, "busy"), "retry gateway_error"),
        (Behaviour::answer(500, "ID: 1"), "unknown no_answer"),
        (Behaviour::redirect(302, "/elsewhere"), "rejected redirect_refused"),
        (Behaviour::redirect(307, "/elsewhere"), "rejected redirect_refused"),
        (Behaviour::close(), "unknown no_answer"),
        (Behaviour::reset_before_body(), "unknown no_answer"),
        (Behaviour::reset_before_answer(), "unknown no_answer"),
        (Behaviour::reset_inside_answer(), "unknown no_answer"),
        (Behaviour::endless("ID: for ever "), "accepted -"),
        (Behaviour::endless("ERR for ever "), "rejected gateway_rejected"),
    ] {
        for method in ["GET", "POST"] {
            let gateway = Gateway::start().await;
            gateway.always(behaviour.clone());
            let provider = provider(&gateway, json!({ "HTTP_Method": method }));
            let verdict = send(&provider).await;
            assert_eq!(word(&verdict), expected, "{method} {behaviour:?}: {verdict:?}");
            assert_eq!(gateway.attempts(), 1, "one job, one request: {method} {behaviour:?}");
        }
    }
}

#[tokio::test]
async fn a_reply_that_does_not_end_in_time_is_no_answer() {
    for behaviour in [
        Behaviour::silence(),
        Behaviour::dribble("ID: 1 and much more than comes in time", Duration::from_millis(100)),
    ] {
        let gateway = Gateway::start().await;
        gateway.always(behaviour);
        let verdict = send(&provider(&gateway, json!({ "TIMEOUT": "0.9,1" }))).await;
        assert_eq!(word(&verdict), "unknown no_answer", "{verdict:?}");
        assert_eq!(gateway.attempts(), 1);
    }
}

#[tokio::test]
async fn a_burst_of_failures_is_a_row_of_retries_and_then_over() {
    let gateway = Gateway::start().await;
    for status in [500, 502, 503, 504] {
        gateway.next(1, Behaviour::answer(status, "oops"));
    }
    let provider = provider(&gateway, json!({}));
    for _ in 0..4 {
        assert_eq!(word(&send(&provider).await), "retry gateway_error");
    }
    assert_eq!(word(&send(&provider).await), "accepted 5");
}

#[tokio::test]
async fn a_captive_portal_is_not_taken_for_a_gateway() {
    let gateway = Gateway::start().await;
    let page = "<!DOCTYPE html>\n<html><body>Accept our terms</body></html>";
    gateway.always(Behaviour::answer(200, page).header("Content-Type", "text/html; charset=utf-8"));
    for (keys, expected) in [
        (json!({}), "rejected gateway_rejected"),
        (json!({ "RETURN_SUCCESS": null }), "unknown no_answer"),
        (json!({ "RETURN_SUCCESS": null, "RETURN_FAIL": "ERR" }), "unknown no_answer"),
        (json!({ "RETURN_SUCCESS": null, "SUCCESS_JSON": "/id" }), "rejected gateway_rejected"),
    ] {
        let verdict = send(&provider(&gateway, keys)).await;
        assert_eq!(word(&verdict), expected, "{verdict:?}");
    }
    gateway.always(Behaviour::redirect(302, "http://portal.invalid/login"));
    let verdict = send(&provider(&gateway, json!({ "RETURN_SUCCESS": null }))).await;
    assert_eq!(word(&verdict), "rejected redirect_refused");
}

#[tokio::test]
async fn retry_after_is_handed_on() {
    let gateway = Gateway::start().await;
    gateway.next(1, Behaviour::throttle(Duration::from_secs(7)));
    let verdict = send(&provider(&gateway, json!({}))).await;
    assert!(
        matches!(verdict, Verdict::Retry { after: Some(after), .. } if after.as_secs() == 7),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_reached_has_got_nothing() {
    let gateway = Gateway::start().await;
    gateway.refuse().await;
    let here = free_port();
    for url in [
        gateway.url(),
        format!("https://127.0.0.1:{here}/?key=hunter2"),
        "http://no-such-host.invalid/?key=hunter2".to_owned(),
        "http://192.0.2.1/?key=hunter2".to_owned(),
    ] {
        let verdict = send(&provider_at(&url, json!({ "TIMEOUT": "0.5,5" }))).await;
        assert_eq!(word(&verdict), "retry gateway_unreachable", "{url}: {verdict:?}");
        assert!(!format!("{verdict:?}").contains("hunter2"), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_speaks_no_tls_has_got_nothing() {
    let gateway = Gateway::start().await;
    let url = gateway.url().replace("http:", "https:");
    let verdict = send(&provider_at(&url, json!({}))).await;
    assert_eq!(word(&verdict), "retry gateway_unreachable", "{verdict:?}");
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn connections_are_kept_and_reused() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({}));
    for n in 1..=5 {
        assert_eq!(word(&send(&provider).await), format!("accepted {n}"));
    }
    assert_eq!(gateway.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_gateway_closed_while_it_was_idle_costs_no_sms() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::accept().then_close());
    let provider = provider(&gateway, json!({}));
    for n in 1..=20 {
        assert_eq!(word(&send(&provider).await), format!("accepted {n}"));
        gateway.wait_for_answers(n).await;
        // the gateway's FIN has to reach the client's pool: it does with the next turns of this runtime
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!((gateway.attempts(), gateway.requests().len()), (20, 20));
}

#[tokio::test]
async fn a_gateway_that_comes_back_is_found_again() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({}));
    assert_eq!(word(&send(&provider).await), "accepted 1");
    gateway.refuse().await;
    assert_eq!(word(&send(&provider).await), "retry gateway_unreachable");
    gateway.listen();
    assert_eq!(word(&send(&provider).await), "accepted 2");
}

#[tokio::test]
async fn a_code_in_its_last_second_is_not_handed_over() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({ "TIMEOUT": "5,20" }));
    for left in [Duration::ZERO, Duration::from_millis(900)] {
        let dead = provider.send(&job("x"), in_time(left)).await;
        assert_eq!(word(&dead), "retry expired_before_hand_over");
    }
    assert_eq!(gateway.attempts(), 0);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_code_has_died_still_counts() {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::accept().after(Duration::from_millis(1800)));
    let provider = provider(&gateway, json!({ "TIMEOUT": "5,20" }));
    let verdict = provider.send(&job("x"), in_time(Duration::from_millis(1500))).await;
    assert_eq!(word(&verdict), "accepted 1");
}

#[tokio::test]
async fn a_connection_that_would_come_after_the_death_is_given_up_before() {
    // the system connects, and nobody answers for TLS
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let provider =
        provider_at(&format!("https://{}/", silent.local_addr().unwrap()), json!({ "TIMEOUT": "5,20" }));
    let started = Instant::now();
    let verdict = provider.send(&job("x"), in_time(Duration::from_millis(2500))).await;
    assert_eq!(word(&verdict), "retry gateway_unreachable", "there was no TLS, so nothing was sent");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_echo_of_the_job_does_not_come_back_in_a_detail() {
    let gateway = Gateway::start().await;
    let echo = "refused: Your code is 123456 to +491701234567 (0170 1234567), code=123456";
    for status in [200, 400, 500] {
        gateway.next(1, Behaviour::answer(status, echo));
        let verdict = format!("{:?}", send(&provider(&gateway, json!({}))).await);
        assert!(
            verdict.contains("refused") && !verdict.contains("123456") && !verdict.contains("1234567"),
            "{verdict}"
        );
        assert!(!verdict.contains("Your code"), "{verdict}");
    }
}
