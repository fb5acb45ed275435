//! What the probes promise: the truth, in time, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use mtan_daemon::{Health, health_router, init_metrics};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("a router always answers");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a small body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn readyz(health: Health) -> (StatusCode, Value) {
    let (status, body) = get(&health_router(health, init_metrics()), "/readyz").await;
    (status, serde_json::from_str(&body).expect("JSON"))
}

#[tokio::test]
async fn a_process_without_checks_is_alive_and_ready() {
    let router = health_router(Health::default(), init_metrics());
    assert_eq!(get(&router, "/healthz").await, (StatusCode::OK, "ok".to_owned()));
    let ready = (StatusCode::OK, json!({"status": "ready", "checks": {}}));
    assert_eq!(readyz(Health::default()).await, ready);
}

#[tokio::test]
async fn readiness_lists_each_check_with_what_is_missing() {
    let health = Health::default();
    health.add("store", async || Ok(()));
    assert_eq!(
        readyz(health.clone()).await,
        (StatusCode::OK, json!({"status": "ready", "checks": {"store": "ok"}}))
    );
    health.add("queue", async || Err("not connected".to_owned()));
    let checks = json!({"store": "ok", "queue": "not connected"});
    let unready = (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "unready", "checks": checks}));
    assert_eq!(readyz(health.clone()).await, unready);
    health.add("queue", async || Ok(()));
    assert_eq!(readyz(health).await.0, StatusCode::OK, "a check of the same name replaces the first");
}

#[tokio::test]
async fn a_note_is_shown_and_makes_nobody_unready() {
    let health = Health::default();
    health.add("queue", async || Ok(()));
    health.note("pool default", || "breaker open, next probe in 4 s".to_owned());
    let body = json!({
        "status": "ready", "checks": {"queue": "ok"}, "notes": {"pool default": "breaker open, next probe in 4 s"},
    });
    assert_eq!(readyz(health.clone()).await, (StatusCode::OK, body));
    health.note("pool default", || "breaker closed".to_owned());
    assert_eq!(
        readyz(health).await.1["notes"]["pool default"],
        "breaker closed",
        "the second replaces the first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_or_panics_is_a_failure_of_its_own() {
    let health = Health::default();
    health.add("store", async || Ok(()));
    health.add("hangs", std::future::pending::<Result<(), String>>);
    health.add("panics", async || panic!("a check that is broken"));
    let checks = json!({"store": "ok", "hangs": "no answer in 500 ms", "panics": "the check failed"});
    let unready = (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "unready", "checks": checks}));
    let asked = tokio::time::Instant::now();
    assert_eq!(readyz(health).await, unready);
    assert!(asked.elapsed().as_millis() <= 501, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn checks_are_asked_at_the_same_time() {
    let health = Health::default();
    let meeting = Arc::new(Barrier::new(2)); // neither gets past it alone
    for name in ["one", "other"] {
        let meeting = meeting.clone();
        health.add(name, move || {
            let meeting = meeting.clone();
            async move {
                meeting.wait().await;
                Ok(())
            }
        });
    }
    assert_eq!(readyz(health).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_process_that_stops_is_not_ready() {
    let stop = CancellationToken::new();
    let health = Health::new(stop.clone());
    health.add("store", async || Ok(()));
    assert_eq!(readyz(health.clone()).await.0, StatusCode::OK);
    stop.cancel();
    let stopping = (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "stopping", "checks": {}}));
    assert_eq!(readyz(health.clone()).await, stopping);
    assert_eq!(get(&health_router(health, init_metrics()), "/healthz").await.0, StatusCode::OK, "but alive");
}

#[tokio::test]
async fn metrics_say_which_process_this_is_and_count() {
    let metrics = init_metrics();
    metrics::counter!("mtan_example_total").increment(3);
    metrics::histogram!("mtan_example_seconds").record(0.02);
    let (status, text) = get(&health_router(Health::default(), metrics), "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let info = text.lines().find(|line| line.starts_with("mtan_build_info{")).expect("the build is named");
    assert!(info.contains(concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")), "{info}");
    assert!(info.contains("process=\"health-"), "the name of this test program: {info}");
    assert!(text.contains("\nmtan_example_total 3\n"), "{text}");
    assert!(text.contains("\nmtan_example_seconds_bucket{le=\"0.01\"} 0\n"), "{text}");
    assert!(text.contains("\nmtan_example_seconds_bucket{le=\"0.025\"} 1\n"), "{text}");
}
