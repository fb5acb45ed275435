//! What the gateway does with a request: the good answer, and every bad one that real gateways give.

use std::time::Duration;

use super::hold::Hold;
use crate::http;

/// Stands for the request's number in the body of an answer.
const NUMBER_TAG: &str = "<n>";

/// What the gateway does with a request. Start with a constructor, refine with [`after`](Self::after),
/// [`held_by`](Self::held_by), [`header`](Self::header), [`then_close`](Self::then_close).
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub(super) act: Act,
    delay: Duration,
    hold: Option<Hold>,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    pub(super) closes: bool,
}

/// The way in which an answer, if any, goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Answer,
    Dribble(Duration),
    Endless,
    Silence,
    Close,
    ResetBeforeBody,
    ResetBeforeAnswer,
    ResetInsideAnswer,
}

impl Behaviour {
    /// 200 `ID: <n>`, with the [`sequence`](super::Request::sequence) of the request for `<n>`. The default.
    pub fn accept() -> Self {
        Self::answer(200, format!("ID: {NUMBER_TAG}"))
    }

    /// That status and body, in which `<n>` stands for the [`sequence`](super::Request::sequence) of the
    /// request. For 4xx, 5xx, and errors that hide behind a 200.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self {
            act: Act::Answer,
            delay: Duration::ZERO,
            hold: None,
            status,
            headers: Vec::new(),
            body: body.into(),
            closes: false,
        }
    }

    /// 429 with `Retry-After` in whole seconds: too many requests.
    pub fn throttle(retry_after: Duration) -> Self {
        Self::answer(429, "too many requests").header("Retry-After", retry_after.as_secs().to_string())
    }

    /// That 3xx status with `Location`. A client that follows a 302 turns its POST into a GET and loses the SMS;
    /// one that follows a 307 sends it to a stranger.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::answer(status, "moved").header("Location", location)
    }

    /// A 200 whose body repeats `text` for ever, as fast as the client reads.
    ///
    /// # Panics
    /// When `text` is empty.
    pub fn endless(text: impl Into<String>) -> Self {
        let text = text.into();
        assert!(!text.is_empty(), "an endless body needs something to repeat");
        Self { act: Act::Endless, ..Self::answer(200, text) }
    }

    /// A 200 with its head at once and then one byte of the body after each `interval`: never silent for long
    /// enough to trip a time-out between two reads.
    pub fn dribble(body: impl Into<String>, interval: Duration) -> Self {
        Self { act: Act::Dribble(interval), ..Self::answer(200, body) }
    }

    /// Takes the request and never answers; ends when the client gives up.
    pub fn silence() -> Self {
        Self { act: Act::Silence, ..Self::accept() }
    }

    /// Takes the request and closes the connection (FIN) without an answer.
    pub fn close() -> Self {
        Self { act: Act::Close, ..Self::accept() }
    }

    /// Resets the connection (RST) once the head has come; the body is not read and the request not recorded.
    pub fn reset_before_body() -> Self {
        Self { act: Act::ResetBeforeBody, ..Self::accept() }
    }

    /// Takes the request and resets the connection (RST) without an answer: was the SMS sent?
    pub fn reset_before_answer() -> Self {
        Self { act: Act::ResetBeforeAnswer, ..Self::accept() }
    }

    /// Sends a 200 with the first half of the body, then resets the connection (RST).
    pub fn reset_inside_answer() -> Self {
        Self { act: Act::ResetInsideAnswer, ..Self::accept() }
    }

    /// Adds a header field to the answer.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Does it only after `delay`, counted from when the request was there.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Does it only once `hold` lets it go.
    pub fn held_by(self, hold: &Hold) -> Self {
        Self { hold: Some(hold.clone()), ..self }
    }

    /// Closes the connection after the answer without having said so: the client's next request on it fails.
    pub fn then_close(self) -> Self {
        Self { closes: true, ..self }
    }

    /// Returns when it is time to act.
    pub(super) async fn its_time(&self) {
        if let Some(hold) = &self.hold {
            hold.pass().await;
        }
        tokio::time::sleep(self.delay).await;
    }

    /// The body of the answer to the request with that sequence.
    pub(super) fn body(&self, sequence: usize) -> String {
        self.body.replace(NUMBER_TAG, &sequence.to_string())
    }

    /// The head of the answer, with the length of the body if it has one.
    pub(super) fn head(&self, length: Option<usize>, keeps_alive: bool) -> String {
        let length = length.map(|length| length.to_string());
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = length
            .iter()
            .map(|length| ("Content-Length", length.as_str()))
            .chain((!keeps_alive).then_some(("Connection", "close")))
            .chain(
                http::header(&self.headers, "content-type")
                    .is_none()
                    .then_some(("Content-Type", "text/plain")),
            )
            .chain(own);
        http::response_head(self.status, fields)
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::accept()
    }
}
