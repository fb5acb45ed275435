//! The JSON around every answer, LinOTP's shape; members in a fixed order.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

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
    Value { status: bool, value: Said },
    Error { status: bool, error: Error<'a> },
}

/// `value`: yes or no, or what a call tells.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Said {
    /// Yes or no.
    Bool(bool),
    /// Anything else.
    Json(Value),
}

impl From<bool> for Said {
    fn from(value: bool) -> Said {
        Said::Bool(value)
    }
}

impl From<Value> for Said {
    fn from(value: Value) -> Said {
        Said::Json(value)
    }
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
    Number(u32),
    Detail(&'a D),
}

impl<'a, D: Serialize> Envelope<'a, D> {
    /// `value` with LinOTP's `id` of this family of calls: 0 on /validate, 1 on /admin.
    pub(crate) fn value(value: impl Into<Said>, id: u32, detail: Option<&'a D>) -> Envelope<'a, D> {
        let result = Outcome::Value { status: true, value: value.into() };
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
    /// The same with another number in `id`.
    pub(crate) fn with_id(self, id: u32) -> Self {
        Envelope { id: Id::Number(id), ..self }
    }

    /// The response, `application/json`.
    pub(crate) fn response(&self, status: StatusCode) -> Response {
        (status, Json(self)).into_response()
    }
}
