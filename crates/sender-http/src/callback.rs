//! A gateway's callback becomes a delivery state: pure.

use mtan_jobs::Outcome;
use mtan_sender::{Callback, CallbackState, ReadCallback};
use serde_json::Value;

/// The longest id that is taken over, in characters.
const LONGEST_ID: usize = 64;

/// How a gateway calls back: the key `DLR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallbackRules {
    /// Where its own id of the SMS stands.
    pub(crate) id: Option<Place>,
    /// Where the state stands.
    pub(crate) state: Place,
    /// States that mean: it reached the phone. Compared without regard to case.
    pub(crate) delivered: Vec<String>,
    /// States that mean: it never will.
    pub(crate) undelivered: Vec<String>,
    /// What the gateway wants to read in the answer to its call.
    pub(crate) answer: String,
}

/// Where something stands in a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A parameter of the query or of a form, or a member of a JSON object.
    Name(String),
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
}

impl Place {
    /// What begins with a slash is a pointer.
    pub(crate) fn new(text: String) -> Place {
        if text.starts_with('/') { Place::Pointer(text) } else { Place::Name(text) }
    }
}

impl ReadCallback for CallbackRules {
    fn answer(&self) -> String {
        self.answer.clone()
    }

    fn read(&self, callback: &Callback) -> CallbackState {
        let content = Content::of(callback);
        let Some(state) = content.at(&self.state) else { return CallbackState::Unreadable };
        let listed = |words: &[String]| words.iter().find(|word| word.eq_ignore_ascii_case(&state)).cloned();
        let (outcome, word) = match (listed(&self.delivered), listed(&self.undelivered)) {
            (Some(word), _) => (Outcome::Delivered, word),
            (None, Some(word)) => (Outcome::Undelivered, word),
            (None, None) => return CallbackState::UnderWay,
        };
        let gateway_id = self.id.as_ref().and_then(|place| content.at(place)).filter(|id| is_id(id));
        CallbackState::Final { outcome, word, gateway_id }
    }
}

/// One short word: an id, and not something else in its place.
fn is_id(text: &str) -> bool {
    let of_a_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    (1..=LONGEST_ID).contains(&text.len()) && text.chars().all(of_a_word)
}

/// What can be looked up in a callback.
struct Content {
    /// Of the query, then of a form.
    pairs: Vec<(String, String)>,
    json: Option<Value>,
}

impl Content {
    /// The body is JSON if it says so or reads as such, else a form: gateways are careless with media types.
    fn of(callback: &Callback) -> Content {
        let mut pairs = form(callback.query.as_bytes());
        let json = serde_json::from_slice(&callback.body)
            .ok()
            .filter(|json: &Value| json.is_object() || json.is_array());
        if json.is_none() {
            pairs.extend(form(&callback.body));
        }
        Content { pairs, json }
    }

    fn at(&self, place: &Place) -> Option<String> {
        let found = match place {
            Place::Pointer(pointer) => self.json.as_ref()?.pointer(pointer).and_then(text),
            Place::Name(name) => {
                let pair = self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                pair.or_else(|| self.json.as_ref()?.get(name).and_then(text))
            }
        };
        found.map(|text| text.trim().to_owned())
    }
}

fn form(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(id: &str, state: &str) -> CallbackRules {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        CallbackRules {
            id: Some(Place::new(id.to_owned())),
            state: Place::new(state.to_owned()),
            delivered: words(&["DELIVRD", "delivered", "1"]),
            undelivered: words(&["failed", "2"]),
            answer: "OK".to_owned(),
        }
    }

    fn callback(query: &str, media_type: &str, body: &str) -> Callback {
        Callback { query: query.to_owned(), media_type: media_type.to_owned(), body: body.into() }
    }

    fn told(outcome: Outcome, word: &str, id: Option<&str>) -> CallbackState {
        CallbackState::Final { outcome, word: word.to_owned(), gateway_id: id.map(str::to_owned) }
    }

    #[test]
    fn query_form_and_json_are_all_read() {
        let flat = rules("id", "status");
        let json = r#"{"id":"a-1","status":"Failed","to":"491701234567"}"#;
        for (given, expected) in [
            (callback("id=4711&status=delivrd", "", ""), told(Outcome::Delivered, "DELIVRD", Some("4711"))),
            (
                callback("", "application/x-www-form-urlencoded", "status=failed&id=a%2D1"),
                told(Outcome::Undelivered, "failed", Some("a-1")),
            ),
            (callback("status=1", "", "id=7"), told(Outcome::Delivered, "1", Some("7"))),
            (callback("", "application/json", json), told(Outcome::Undelivered, "failed", Some("a-1"))),
            (callback("", "text/plain", json), told(Outcome::Undelivered, "failed", Some("a-1"))),
            (callback("", "", r#"{"status":2}"#), told(Outcome::Undelivered, "2", None)),
            (callback("status=buffered&id=1", "", ""), CallbackState::UnderWay),
            (callback("id=1", "", ""), CallbackState::Unreadable),
            (callback("", "application/json", r#"{"status":null}"#), CallbackState::Unreadable),
            (callback("", "", ""), CallbackState::Unreadable),
        ] {
            assert_eq!(
                flat.read(&given),
                expected,
                "{} {:?}",
                given.query,
                String::from_utf8_lossy(&given.body)
            );
        }
    }

    #[test]
    fn a_pointer_reaches_into_json_only() {
        let deep = rules("/results/0/messageId", "/results/0/status/groupName");
        let body = r#"{"results":[{"messageId":"m-1","status":{"groupName":"DELIVERED"}}]}"#;
        assert_eq!(deep.read(&callback("", "", body)), told(Outcome::Delivered, "delivered", Some("m-1")));
        assert_eq!(deep.read(&callback("results=delivered", "", "")), CallbackState::Unreadable);
    }

    #[test]
    fn what_is_no_id_is_not_taken_for_one() {
        let flat = rules("id", "status");
        for id in ["", "two%20words", "%3Cb%3E", &"x".repeat(65)] {
            let read = flat.read(&callback(&format!("status=1&id={id}"), "", ""));
            assert_eq!(read, told(Outcome::Delivered, "1", None), "{id}");
        }
    }

    proptest! {
        #[test]
        fn no_callback_panics(query in ".{0,200}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let callback = Callback { query, media_type: "application/json".to_owned(), body };
            for state in ["status", "/a/0/b", "/"] {
                rules("id", state).read(&callback);
            }
        }
    }
}
