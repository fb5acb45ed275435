//! Why an administrator's call failed, in LinOTP's numbers and its error shape.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use mtan_verifier::{EnrolError, Serial, StoreError};

use crate::bounded::Unanswered;
use crate::envelope::{Envelope, VERSION};
use crate::params::{Params, Unreadable};

/// An error of an administrative call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdminError {
    code: i32,
    message: String,
    /// LinOTP's `id` of an error: 1, but of a failed assign 0.
    id: u32,
}

impl AdminError {
    /// One of LinOTP's own numbers; the message begins with it.
    pub(crate) fn numbered(code: i32, message: impl AsRef<str>) -> AdminError {
        AdminError { code, message: format!("ERR{code}: {}", message.as_ref()), id: 1 }
    }

    /// 905: a parameter is not there.
    pub(crate) fn missing(parameter: &str) -> AdminError {
        AdminError::numbered(905, format!("Missing parameter: '{parameter}'"))
    }

    /// 905: a parameter is not as it should be.
    pub(crate) fn invalid(parameter: &str, expected: impl AsRef<str>) -> AdminError {
        AdminError::numbered(905, format!("Invalid parameter: '{parameter}': {}", expected.as_ref()))
    }

    /// -311: no error of LinOTP's own.
    pub(crate) fn plain(message: impl AsRef<str>) -> AdminError {
        AdminError { code: -311, message: message.as_ref().to_owned(), id: 1 }
    }

    /// 1102: there is no such token.
    pub(crate) fn no_token(serial: &str) -> AdminError {
        AdminError::numbered(1102, no_token(serial))
    }

    /// The same error with another `id`.
    pub(crate) fn with_id(self, id: u32) -> AdminError {
        AdminError { id, ..self }
    }

    /// What the audit log notes: the number.
    pub(crate) fn reason(&self) -> String {
        if self.code < 0 { self.code.to_string() } else { format!("ERR{}", self.code) }
    }

    /// JSON with status 200; if the caller wants an `httperror`, a small page with that status.
    pub(crate) fn response(&self, params: Option<&Params>) -> Response {
        let wanted = params.map(|params| params.get("httperror"));
        match wanted {
            None | Some(Ok(None)) => {
                Envelope::error(self.code, &self.message).with_id(self.id).response(StatusCode::OK)
            }
            Some(asked) => self.page(asked.ok().flatten().and_then(error_status)),
        }
    }

    fn page(&self, status: Option<StatusCode>) -> Response {
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
        let text = escaped(&format!("[{VERSION}] {}: {}", self.code, self.message));
        let page = format!(
            "<html>\n<head>\n<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n{text}\n</body>\n</html>\n"
        );
        (status, Html(page)).into_response()
    }
}

/// LinOTP's words; a serial that can be none stays out of them.
pub(crate) fn no_token(serial: &str) -> String {
    match serial.parse::<Serial>() {
        Ok(serial) => format!("No token with serial {serial}"),
        Err(_) => "No token with this serial".to_owned(),
    }
}

/// A status that says no; anything else is none that an error may have.
fn error_status(text: &str) -> Option<StatusCode> {
    let number: u16 = text.trim().parse().ok()?;
    StatusCode::from_u16(number).ok().filter(|_| number >= 400)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl From<Unreadable> for AdminError {
    fn from(why: Unreadable) -> AdminError {
        AdminError::numbered(905, why.to_string())
    }
}

impl From<EnrolError> for AdminError {
    fn from(error: EnrolError) -> AdminError {
        match error {
            EnrolError::TooManyTokens => AdminError::numbered(1112, error.to_string()),
            EnrolError::Busy => AdminError::numbered(10, error.to_string()),
            EnrolError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> AdminError {
        tracing::warn!(%error, "an administrator's call failed");
        AdminError::numbered(10, "the store is away")
    }
}

impl From<Unanswered> for AdminError {
    fn from(why: Unanswered) -> AdminError {
        match why {
            Unanswered::TimedOut => AdminError::numbered(10, "the store did not answer in time"),
            Unanswered::Broken => AdminError::plain("an error of the server's own; its log says more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_that_says_no_is_taken() {
        assert_eq!(error_status("404"), Some(StatusCode::NOT_FOUND));
        assert_eq!(error_status(" 777 ").map(|s| s.as_u16()), Some(777));
        for other in ["", "x", "200", "204", "101", "302", "-1", "1000", "99999999"] {
            assert_eq!(error_status(other), None, "{other}");
        }
    }

    #[test]
    fn markup_in_a_message_stays_text() {
        assert_eq!(escaped("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }
}
