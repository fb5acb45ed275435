//! The demo's page: a phone that shows its SMS, and a login beside it that calls `/validate/check` as a login system does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect};
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
