//! The endpoints under /validate and how each of them says the same things.

use std::any::Any;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower_http::catch_panic::ResponseForPanic;

use crate::detail::{Detail, transactions};
use crate::envelope::Envelope;
use crate::outcome::{Beside, Outcome, Why};
use crate::settings::Compat;
use crate::users::Profile;

/// What a user reads when the SMS did not go out.
const SENDING_FAILED: &str = "sending sms failed";

/// An endpoint that triggers or checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A PIN is challenged; JSON.
    SmsPin,
    /// Trigger and check; JSON.
    Check,
    /// The same by the token's serial, and with `challenge` a trigger without a PIN where the policy grants it.
    CheckS,
    /// Trigger and check; a line of text.
    SimpleCheck,
    /// Trigger and check; the status tells.
    HttpCheck,
    /// The code of a challenge, which alone names the token.
    CheckT,
    /// What became of a challenge, for who knows the PIN.
    CheckStatus,
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
    pub(crate) const ALL: [Endpoint; 7] = [
        Endpoint::SmsPin,
        Endpoint::Check,
        Endpoint::CheckS,
        Endpoint::SimpleCheck,
        Endpoint::HttpCheck,
        Endpoint::CheckT,
        Endpoint::CheckStatus,
    ];

    /// Its name: the last part of the path, a metric label and a log field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Endpoint::SmsPin => "smspin",
            Endpoint::Check => "check",
            Endpoint::CheckS => "check_s",
            Endpoint::SimpleCheck => "simplecheck",
            Endpoint::HttpCheck => "httpcheck",
            Endpoint::CheckT => "check_t",
            Endpoint::CheckStatus => "check_status",
        }
    }

    /// The answer at `now`. Status 200 for yes and no, but on httpcheck; never stored by anything on the way.
    pub(crate) fn render(self, outcome: &Outcome, beside: &Beside, style: Style, now: Timestamp) -> Response {
        let mut response = match self {
            Endpoint::SmsPin => sms_pin(outcome, beside, style),
            Endpoint::Check | Endpoint::CheckS => json_answer(outcome, beside, StatusCode::OK),
            Endpoint::SimpleCheck => simple_check(outcome, style),
            Endpoint::HttpCheck => match outcome {
                Outcome::Accepted(_) => StatusCode::NO_CONTENT.into_response(),
                _ => json_answer(outcome, beside, StatusCode::UNAUTHORIZED),
            },
            Endpoint::CheckT => check_t(outcome, beside),
            Endpoint::CheckStatus => check_status(outcome, now),
        };
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        response
    }
}

fn detail<'a>(outcome: &'a Outcome, beside: &'a Beside) -> Option<Detail<'a>> {
    match outcome {
        Outcome::Challenged(sent) => Some(Detail::of(sent, &beside.prompt)),
        Outcome::Rejected(Why::SendingFailed) => Some(Detail::Message { message: SENDING_FAILED }),
        Outcome::Accepted(_) => accepted(beside).map(Detail::Told),
        Outcome::Rejected(_) => beside.why.map(|why| Detail::Told(json!({ "error": why }))),
        Outcome::Told(_) => None,
    }
}

/// Whose token it was, and how long PIN and code were: LinOTP's `detail_on_success` and `auth_info`.
fn accepted(beside: &Beside) -> Option<Value> {
    let mut told = serde_json::Map::new();
    if let Some(owner) = &beside.owner {
        let (name, realm) = owner.user.as_ref().map_or(("", ""), |user| (user.user(), user.realm()));
        let bare = || Profile { username: name.to_owned(), userid: name.to_owned(), ..Profile::default() };
        let user = json!(owner.profile.as_deref().cloned().unwrap_or_else(bare));
        told.insert("user".to_owned(), user);
        told.insert("realm".to_owned(), realm.into());
        told.insert("is_linotp_admin".to_owned(), false.into());
        told.insert("tokentype".to_owned(), "sms".into());
        told.insert("serial".to_owned(), owner.serial.as_str().into());
    }
    if let Some((pin, otp)) = beside.lengths {
        told.insert("auth_info".to_owned(), json!([["pin_length", pin], ["otp_length", otp]]));
    }
    if told.is_empty() { None } else { Some(Value::Object(told)) }
}

fn json_answer(outcome: &Outcome, beside: &Beside, status: StatusCode) -> Response {
    let value = matches!(outcome, Outcome::Accepted(_));
    Envelope::value(value, 0, detail(outcome, beside).as_ref()).response(status)
}

/// Here yes means that an SMS is under way.
fn sms_pin(outcome: &Outcome, beside: &Beside, style: Style) -> Response {
    let value = matches!(outcome, Outcome::Challenged(_));
    let detail = detail(outcome, beside);
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

/// LinOTP's `value` is an object either way, which clients that take any object for a yes would let in: here it is one
/// for a yes alone, and `detail` has it always.
fn check_t(outcome: &Outcome, beside: &Beside) -> Response {
    let value = matches!(outcome, Outcome::Accepted(_));
    let Some((named, token)) = &beside.transaction else {
        return Envelope::<()>::value(false, 0, None).response(StatusCode::OK);
    };
    let (said, told) = match token {
        Some((serial, fails)) => (
            json!({ "value": value, "failcount": fails }),
            json!({ "value": value, "failcount": fails, "token_type": "sms", "serial": serial.as_str() }),
        ),
        None => {
            let failure = format!("No challenge for transaction '{named}' found");
            (Value::Bool(false), json!({ "value": false, "failure": failure }))
        }
    };
    let said = if value { said } else { Value::Bool(false) };
    Envelope::value(said, 1, Some(&told)).response(StatusCode::OK)
}

fn check_status(outcome: &Outcome, now: Timestamp) -> Response {
    match outcome {
        Outcome::Told(trails) => {
            Envelope::value(true, 0, Some(&transactions(trails, now))).response(StatusCode::OK)
        }
        _ => Envelope::<()>::value(false, 0, None).response(StatusCode::OK),
    }
}

/// What a panic becomes: the endpoint's plain no.
#[derive(Clone, Copy)]
pub(crate) struct PanicIsNo(pub(crate) Endpoint, pub(crate) Style);

impl ResponseForPanic for PanicIsNo {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _: Box<dyn Any + Send + 'static>) -> Response {
        tracing::error!(endpoint = self.0.name(), "a request ended in a panic");
        let broken = Outcome::Rejected(Why::Broken);
        self.0.render(&broken, &Beside::default(), self.1, Timestamp::UNIX_EPOCH)
    }
}
