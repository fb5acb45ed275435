//! The endpoints under /validate and how each of them says the same three things.

use std::any::Any;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::ResponseForPanic;

use crate::envelope::{Challenge, Detail, Envelope};
use crate::outcome::{Outcome, Why};
use crate::settings::Compat;

/// What a user reads when the SMS did not go out.
const SENDING_FAILED: &str = "sending sms failed";

/// An endpoint that triggers or checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A PIN is challenged; JSON.
    SmsPin,
    /// Trigger and check; JSON.
    Check,
    /// Trigger and check; a line of text.
    SimpleCheck,
    /// Trigger and check; the status tells.
    HttpCheck,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether smspin repeats its detail in `id`.
    pub(crate) compat: Compat,
    /// Whether simplecheck keeps the challenge to itself.
    pub(crate) simplecheck_bare: bool,
}

impl Endpoint {
    pub(crate) const ALL: [Endpoint; 4] =
        [Endpoint::SmsPin, Endpoint::Check, Endpoint::SimpleCheck, Endpoint::HttpCheck];

    /// Its name: the last part of the path, a metric label and a log field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Endpoint::SmsPin => "smspin",
            Endpoint::Check => "check",
            Endpoint::SimpleCheck => "simplecheck",
            Endpoint::HttpCheck => "httpcheck",
        }
    }

    /// The answer. Status 200 for yes and no, but on httpcheck; never stored by anything on the way.
    pub(crate) fn render(self, outcome: &Outcome, style: Style) -> Response {
        let mut response = match self {
            Endpoint::SmsPin => sms_pin(outcome, style),
            Endpoint::Check => json(outcome, StatusCode::OK),
            Endpoint::SimpleCheck => simple_check(outcome, style),
            Endpoint::HttpCheck => match outcome {
                Outcome::Accepted(_) => StatusCode::NO_CONTENT.into_response(),
                _ => json(outcome, StatusCode::UNAUTHORIZED),
            },
        };
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        response
    }
}

fn detail(outcome: &Outcome) -> Option<Detail<'_>> {
    match outcome {
        Outcome::Challenged(sent) => Some(Detail::Challenge(Challenge::new(sent))),
        Outcome::Rejected(Why::SendingFailed) => Some(Detail::Message { message: SENDING_FAILED }),
        Outcome::Accepted(_) | Outcome::Rejected(_) => None,
    }
}

fn json(outcome: &Outcome, status: StatusCode) -> Response {
    let value = matches!(outcome, Outcome::Accepted(_));
    Envelope::value(value, 0, detail(outcome).as_ref()).response(status)
}

/// Here yes means that an SMS is under way.
fn sms_pin(outcome: &Outcome, style: Style) -> Response {
    let value = matches!(outcome, Outcome::Challenged(_));
    let detail = detail(outcome);
    let envelope = Envelope::value(value, 0, detail.as_ref());
    match style.compat {
        Compat::Linotp if value => envelope.with_detail_in_id().response(StatusCode::OK),
        _ => envelope.response(StatusCode::OK),
    }
}

/// Compared byte for byte by its clients: no newline at the end.
fn simple_check(outcome: &Outcome, style: Style) -> Response {
    let text = match outcome {
        Outcome::Accepted(_) => ":-)".to_owned(),
        Outcome::Challenged(sent) if !style.simplecheck_bare => {
            format!(":-( {} {}", sent.transaction, sent.message)
        }
        _ => ":-(".to_owned(),
    };
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// What a panic becomes: the endpoint's plain no.
#[derive(Clone, Copy)]
pub(crate) struct PanicIsNo(pub(crate) Endpoint, pub(crate) Style);

impl ResponseForPanic for PanicIsNo {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _: Box<dyn Any + Send + 'static>) -> Response {
        tracing::error!(endpoint = self.0.name(), "a request ended in a panic");
        self.0.render(&Outcome::Rejected(Why::Broken), self.1)
    }
}
