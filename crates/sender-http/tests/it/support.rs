//! A provider for a test, and short words for its verdicts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, SendJob, SystemClock};
use mtan_sender::{About, Provider, Verdict};
use mtan_sender_http::{HttpConfig, HttpProvider};
use mtan_testkit::gateway::Gateway;
use serde_json::{Value, json};

pub(crate) const NUMBER: &str = "+491701234567";

/// A provider for `gateway` with `keys` over what every test needs.
pub(crate) fn provider(gateway: &Gateway, keys: Value) -> HttpProvider {
    provider_at(&gateway.url(), keys)
}

pub(crate) fn provider_at(url: &str, keys: Value) -> HttpProvider {
    let mut config = json!({ "URL": url, "RETURN_SUCCESS": "ID" });
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    // null takes a key away
    config.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let config = HttpConfig::from_json(&config.to_string(), Path::new("")).unwrap();
    HttpProvider::new(config, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn job(text: &str) -> SendJob {
    let body = json!({ "id": "job-1", "to": NUMBER, "text": text, "otp": "123456" });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

pub(crate) async fn send(provider: &HttpProvider) -> Verdict {
    send_text(provider, "Your code is 123456").await
}

pub(crate) async fn send_text(provider: &HttpProvider, text: &str) -> Verdict {
    provider.send(&job(text), in_time(Duration::from_secs(300))).await
}

pub(crate) fn in_time(left: Duration) -> Timestamp {
    SystemClock.now() + left
}

/// `accepted 4711`, `retry gateway_busy`, `rejected gateway_rejected`, `unknown no_answer`.
pub(crate) fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted { gateway_id, .. } => format!("accepted {}", gateway_id.as_deref().unwrap_or("-")),
        Verdict::Retry { code, .. } => format!("retry {code}"),
        Verdict::Rejected { about: About::Gateway, code, .. } => format!("rejected {code}"),
        Verdict::Rejected { about: About::Number, code, .. } => format!("rejected number {code}"),
        Verdict::Rejected { about: About::Job, code, .. } => format!("rejected unfit {code}"),
        Verdict::Unknown { code, .. } => format!("unknown {code}"),
    }
}
