//! What operators see: log lines, metrics, readiness; and what nobody sees.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mtan_daemon::{Health, health_router, init_metrics};
use mtan_embedded::Embedded;
use mtan_jobs::SystemClock;
use mtan_otp_api::add_ready_checks;
use mtan_queue::Queue;
use mtan_seal::ServerKey;
use mtan_testkit::wait_until;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::background::reports;
use crate::hand::Mood;
use crate::house::{House, PHONE, other_than};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// Also at the finest level, on every way in and with every fault.
#[tokio::test]
async fn no_log_line_holds_a_pin_a_code_a_number_or_a_password() {
    let lines = Lines::default();
    let log =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).with_writer(lines.clone());
    let _log = tracing::subscriber::set_default(log.finish());
    let house = House::with_admin().await;
    let (pin, password) = ("pin-7x7", "guess-9y9");
    let admin = [("authorization", "Bearer s3cret"), ("content-type", crate::house::FORM)];
    let init = format!("type=sms&phone=%2B491707654321&user=bob&pin={pin}&otpkey={}", "5eed".repeat(10));
    assert!(house.post_with("/admin/init", &admin, init).await.value());
    house.post_with("/admin/init", &[("authorization", &format!("Bearer {password}"))], "x").await;

    assert!(house.get(&format!("/validate/smspin?user=bob&pass={pin}")).await.value());
    let code = house.code();
    let wrong = other_than(&code);
    assert!(!house.get(&format!("/validate/check?user=bob&pass={pin}{wrong}")).await.value());
    assert!(!house.get(&format!("/validate/check?user=bob&pass={pin}&pass={code}")).await.value());
    for page in ["requestsms", "index", "index3", "challenge-response"] {
        let form = format!("user=bob&pin={pin}&code={wrong}&transactionid=12345678901234567");
        house.post(&format!("/auth/{page}?pin={pin}&code={wrong}"), form).await;
    }
    for mood in [Mood::Away, Mood::Silent, Mood::Broken] {
        house.store.mood.set(mood);
        assert!(!house.post("/validate/check", format!("user=bob&pass={pin}{code}")).await.value());
    }
    house.store.mood.set(Mood::Well);
    assert!(house.get(&format!("/validate/check?user=bob&pass={pin}{code}")).await.value());

    let text = lines.text();
    for secret in [pin, password, "s3cret", &code, &wrong, PHONE, "1707654321", "5eed5eed", "pass="] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
    let line = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    for parts in [
        ["smspin", "bob@default", "challenged", "right_pin", "job.id"],
        ["check", "bob@default", "rejected", "wrong_otp", "endpoint=\"check\""],
        ["check", "bob@default", "rejected", "store_away", ""],
        ["check", "bob@default", "rejected", "timed_out", ""],
        ["check", "bob@default", "rejected", "broken", ""],
        ["check", "", "rejected", "malformed", ""],
        ["auth_requestsms", "bob@default", "rejected", "unknown_transaction", ""],
        ["check", "bob@default", "accepted", "right_code", "serial"],
    ] {
        assert!(line(&parts), "{parts:?} in:\n{text}");
    }
}

#[tokio::test]
async fn answers_are_counted_by_endpoint_result_and_reason() {
    let metrics = init_metrics();
    let house = House::new().await;
    house.trigger().await;
    house.post("/validate/check", "user=alice&pass=wrong").await;
    house.post("/validate/simplecheck", "").await;
    house.post("/admin/init", "").await;
    let text = metrics.render();
    for line in [
        r#"mtan_validate_total{endpoint="check",result="challenged",reason="right_pin"} "#,
        r#"mtan_validate_total{endpoint="check",result="rejected",reason="wrong_pin"} "#,
        r#"mtan_validate_total{endpoint="simplecheck",result="rejected",reason="malformed"} "#,
        r#"mtan_requests_total{endpoint="check",status="200"} "#,
        r#"mtan_requests_total{endpoint="admin_init",status="403"} "#,
        r#"mtan_request_seconds_bucket{endpoint="check",le="0.5"} "#,
    ] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{line} in:\n{text}");
    }
    assert!(!text.contains("alice"), "{text}");
}

#[tokio::test]
async fn the_depth_of_the_outbox_is_shown() {
    let (metrics, house, stop) = (init_metrics(), House::new().await, CancellationToken::new());
    let background = house.api.spawn_background(reports(&stop).0, stop.clone());
    wait_until("the gauge", Duration::from_secs(10), async || {
        let text = metrics.render();
        if text.lines().any(|line| line == "mtan_outbox_depth 0") { Ok(()) } else { Err(text) }
    })
    .await;
    stop.cancel();
    background.wait().await;
}

#[tokio::test]
async fn readiness_tells_what_is_missing() {
    let mut house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = Embedded::open(&folder.path().join("queue.redb")).unwrap();
    let queue = Queue::embedded(&file, &ServerKey::generate(), Arc::new(SystemClock));
    let health = Health::new(CancellationToken::new());
    add_ready_checks(&health, house.store.clone(), queue);
    house.router = house.router.merge(health_router(health, init_metrics()));

    let ready = house.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["checks"]),
        (200, &serde_json::json!({"queue": "ok", "store": "ok"}))
    );
    for mood in [Mood::Away, Mood::Silent, Mood::Broken] {
        house.store.mood.set(mood);
        let unready = house.get("/readyz").await;
        assert_eq!(unready.status.as_u16(), 503, "{mood:?}");
        assert_ne!(unready.json()["checks"]["store"], "ok");
        assert_eq!(unready.json()["checks"]["queue"], "ok");
        assert_eq!(house.get("/healthz").await.status.as_u16(), 200, "alive all the same");
    }
    house.store.mood.set(Mood::Well);
    assert_eq!(house.get("/readyz").await.status.as_u16(), 200);
}
