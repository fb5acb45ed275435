//! The JSON around every answer, LinOTP's shape; members in a fixed order.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mtan_verifier::Sent;
use serde::Serialize;

/// What stands in `version`.
pub(crate) const VERSION: &str = concat!("mtan ", env!("CARGO_PKG_VERSION"));

/// An answer: `{"version","jsonrpc","result","id"[,"detail"]}`.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, D: Serialize> {
    version: &'static str,
    jsonrpc: &'static str,
    result: Outcome<'a>,
    id: Id<'a, D>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a D>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Value { status: bool, value: bool },
    Error { status: bool, error: Error<'a> },
}

#[derive(Serialize)]
struct Error<'a> {
    code: i32,
    message: &'a str,
}

/// A number; on smspin also the detail, as LinOTP has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Id<'a, D: Serialize> {
    Number(u8),
    Detail(&'a D),
}

impl<'a, D: Serialize> Envelope<'a, D> {
    /// `value` with LinOTP's `id` of this family of calls: 0 on /validate, 1 on /admin.
    pub(crate) fn value(value: bool, id: u8, detail: Option<&'a D>) -> Envelope<'a, D> {
        let result = Outcome::Value { status: true, value };
        Envelope { version: VERSION, jsonrpc: "2.0", result, id: Id::Number(id), detail }
    }

    /// The same with the detail in `id` too: where old clients of smspin look for it.
    pub(crate) fn with_detail_in_id(self) -> Envelope<'a, D> {
        Envelope { id: self.detail.map_or(self.id, Id::Detail), ..self }
    }
}

impl<'a> Envelope<'a, ()> {
    /// LinOTP's error shape.
    pub(crate) fn error(code: i32, message: &'a str) -> Envelope<'a, ()> {
        let result = Outcome::Error { status: false, error: Error { code, message } };
        Envelope { version: VERSION, jsonrpc: "2.0", result, id: Id::Number(1), detail: None }
    }
}

impl<D: Serialize> Envelope<'_, D> {
    /// The response, `application/json`.
    pub(crate) fn response(&self, status: StatusCode) -> Response {
        (status, Json(self)).into_response()
    }
}

/// `detail` of an answer on /validate.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Detail<'a> {
    /// A challenge is open.
    Challenge(Challenge<'a>),
    /// Only words for the user.
    Message {
        /// The words.
        message: &'a str,
    },
}

/// A challenge under the three names that clients look for, and its token.
#[derive(Serialize)]
pub(crate) struct Challenge<'a> {
    transactionid: &'a str,
    state: &'a str,
    transaction_id: &'a str,
    message: &'a str,
    linotp_tokenserial: &'a str,
    linotp_tokentype: &'static str,
    linotp_tokendescription: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'static str>,
}

impl<'a> Challenge<'a> {
    pub(crate) fn new(sent: &'a Sent) -> Challenge<'a> {
        let id = sent.transaction.as_str();
        Challenge {
            transactionid: id,
            state: id,
            transaction_id: id,
            message: &sent.message,
            linotp_tokenserial: sent.serial.as_str(),
            linotp_tokentype: "sms",
            linotp_tokendescription: &sent.description,
            info: sent.already.then_some("challenge already submitted"),
        }
    }
}
