//! The envelope of an answer whose value is more than yes or no.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::envelope::VERSION;

/// What a call answers; LinOTP's `id` is 1 here.
pub(super) struct Reply {
    value: Value,
    message: Option<String>,
}

#[derive(Serialize)]
struct Envelope {
    version: &'static str,
    jsonrpc: &'static str,
    result: Outcome,
    id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

#[derive(Serialize)]
struct Outcome {
    status: bool,
    value: Value,
}

impl Reply {
    pub(super) fn new(value: impl Into<Value>) -> Reply {
        Reply { value: value.into(), message: None }
    }

    /// With `detail.message`.
    pub(super) fn saying(self, message: impl Into<String>) -> Reply {
        Reply { message: Some(message.into()), ..self }
    }

    pub(super) fn response(self) -> Response {
        let result = Outcome { status: true, value: self.value };
        let detail = self.message.map(|message| json!({ "message": message }));
        Json(Envelope { version: VERSION, jsonrpc: "2.0", result, id: 1, detail }).into_response()
    }
}
