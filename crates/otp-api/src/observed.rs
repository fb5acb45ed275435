//! What operators see of requests: a span with the endpoint only, and the metrics of this room, by name.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tracing::{Instrument, info_span};

/// Requests by endpoint and status.
const REQUESTS: &str = "mtan_requests_total";
/// Seconds from the request's head to the answer, by endpoint.
const SECONDS: &str = "mtan_request_seconds";
/// Answers of /validate by endpoint, result and reason.
const ANSWERS: &str = "mtan_validate_total";
/// Send jobs between promise and confirm.
const OUTBOX: &str = "mtan_outbox_depth";

/// Says once what the metrics mean.
pub(crate) fn describe() {
    describe_counter!(REQUESTS, "Requests by endpoint and HTTP status");
    describe_histogram!(SECONDS, Unit::Seconds, "Time from a request to its answer, by endpoint");
    describe_counter!(ANSWERS, "Answers of /validate by endpoint, result and reason");
    describe_gauge!(OUTBOX, "Send jobs that were promised and that the queue has not yet confirmed");
}

/// Measures one request. The URI stays out of the span: the query of a GET holds PIN and code.
pub(crate) async fn observed(endpoint: &'static str, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let span = info_span!("request", endpoint);
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    counter!(REQUESTS, "endpoint" => endpoint, "status" => status).increment(1);
    histogram!(SECONDS, "endpoint" => endpoint).record(begun.elapsed());
    response
}

/// Counts one answer of /validate; the labels come from closed sets.
pub(crate) fn count_answer(endpoint: &'static str, result: &'static str, reason: &'static str) {
    counter!(ANSWERS, "endpoint" => endpoint, "result" => result, "reason" => reason).increment(1);
}

/// Shows how many jobs wait in the outbox.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 jobs")]
pub(crate) fn show_outbox(depth: u64) {
    gauge!(OUTBOX).set(depth as f64);
}
