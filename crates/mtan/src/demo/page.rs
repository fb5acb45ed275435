//! The demo's page: a phone that shows its SMS, and a login beside it that calls `/validate/check` as a login system does.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use mtan_jobs::format_time;
use serde_json::{Value, json};

use super::Phone;

const PAGE: &str = include_str!("phone.html");

/// Nothing of the page comes from elsewhere, and nothing may frame or keep it.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// `/` leads to `/demo/phone`; `/demo/phone/messages` is what the page asks for; `/demo/phone/code` is the last code alone,
/// for the pasted lines.
pub(crate) fn router(phone: Arc<Phone>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/demo/phone") }))
        .route("/demo/phone", get(|| async { (HEADERS, Html(PAGE)) }))
        .route("/demo/phone/messages", get(messages))
        .route("/demo/phone/code", get(code))
        .with_state(phone)
        .layer(middleware::from_fn(this_machine_only))
}

/// The page shows codes. A name of somebody else's that is made to lead to this machine (DNS rebinding) is not ours.
async fn this_machine_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match is_this_machine(host) {
        true => next.run(request).await,
        false => {
            (StatusCode::MISDIRECTED_REQUEST, HEADERS, "ask for 127.0.0.1 or localhost\n").into_response()
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn messages(State(phone): State<Arc<Phone>>) -> impl IntoResponse {
    let messages: Vec<Value> = phone
        .inbox()
        .iter()
        .map(|sms| json!({"number": sms.number, "to": sms.to, "text": sms.text, "at": format_time(sms.at)}))
        .collect();
    (HEADERS, Json(json!({ "messages": messages })))
}

async fn code(State(phone): State<Arc<Phone>>) -> impl IntoResponse {
    match phone.inbox().first() {
        Some(sms) => (StatusCode::OK, HEADERS, sms.code.clone()),
        None => (StatusCode::NOT_FOUND, HEADERS, "no SMS has arrived yet\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for ours in
            ["127.0.0.1", "127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.1.2.3:1"]
        {
            assert!(is_this_machine(ours), "{ours}");
        }
        for others in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_this_machine(others), "{others}");
        }
    }
}
