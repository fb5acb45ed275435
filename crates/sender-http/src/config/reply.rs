//! How a reply says that the SMS was taken: RETURN_*, SUCCESS_JSON, MESSAGE_ID, STATUS.

mod secrets;

use mtan_jobs::ReportCode;
use mtan_sender::Secrets;
use mtan_sender::keys::Keys;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// The largest that a regular expression may become, in bytes: a pattern that needs more is a mistake.
const LARGEST_REGEX: usize = 1024 * 1024;

#[derive(Clone)]
pub(crate) struct ReplyRules {
    pub(crate) success: Success,
    pub(crate) message_id: Option<MessageId>,
    /// REFUSALS: what a reply that is no success says about why, in the order in which they are looked for.
    pub(crate) refusals: Vec<(ReportCode, Regex)>,
    pub(crate) status: StatusRules,
    /// What is kept secret of the whole configuration: a reply may echo it.
    pub(crate) secrets: Secrets,
}

/// The one thing that decides.
#[derive(Clone)]
pub(crate) enum Success {
    /// RETURN_SUCCESS_REGEX is found in it.
    Matches(Regex),
    /// RETURN_FAIL_REGEX is not found in it.
    MatchesNot(Regex),
    /// It begins with one of these: RETURN_SUCCESS.
    BeginsWith(Vec<String>),
    /// It begins with none of these: RETURN_FAIL.
    BeginsNotWith(Vec<String>),
    /// All of these hold: SUCCESS_JSON.
    Json(Vec<JsonRule>),
    /// The HTTP status says it.
    Status,
}

/// What must be true of a JSON reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonRule {
    pub(crate) pointer: String,
    /// What must stand there, as text; empty = anything but null.
    pub(crate) any_of: Vec<String>,
}

/// Where the gateway's id of the SMS stands.
#[derive(Clone)]
pub(crate) enum MessageId {
    Pointer(String),
    /// Its only group.
    Group(Regex),
}

/// What the status means where nothing else decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatusRules {
    /// LinOTP's way: nothing.
    Ignore,
    /// These, and the usual meaning for the rest. A key is a status, or the first digit of a class.
    Own(Vec<(u16, StatusMeans)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusMeans {
    Accepted,
    Retry,
    Rejected,
}

impl StatusRules {
    /// What the configuration says about `status`; the single status goes before its class.
    pub(crate) fn own(&self, status: u16) -> Option<StatusMeans> {
        let StatusRules::Own(rules) = self else { return None };
        let at = |key: u16| rules.iter().find(|(known, _)| *known == key).map(|(_, means)| *means);
        at(status).or_else(|| at(status / 100))
    }
}

pub(super) fn read(keys: &mut Keys) -> ReplyRules {
    let success = success(keys);
    let message_id = message_id(keys);
    let refusals = refusals(keys);
    let status = status(keys);
    check_status(keys, &success, &status);
    ReplyRules { success, message_id, refusals, status, secrets: secrets::of(keys) }
}

/// The first of these keys that is there decides, as with LinOTP; what stands behind it is not evaluated.
const DECIDING: [&str; 5] =
    ["RETURN_SUCCESS_REGEX", "RETURN_FAIL_REGEX", "RETURN_SUCCESS", "RETURN_FAIL", "SUCCESS_JSON"];

fn success(keys: &mut Keys) -> Success {
    let given: Vec<_> = DECIDING.into_iter().filter(|key| keys.has(key)).collect();
    for unused in given.iter().skip(1) {
        keys.warn(format!("{unused} is not evaluated beside {}", given[0]));
    }
    // read all: a mistake in one that is not evaluated is a mistake
    let (success_regex, fail_regex) = (regex(keys, DECIDING[0]), regex(keys, DECIDING[1]));
    let (success, fail) = (keys.strings("RETURN_SUCCESS"), keys.strings("RETURN_FAIL"));
    let json = json_rules(keys);
    let has_empty = |texts: &[String]| texts.iter().any(String::is_empty);
    if has_empty(&success) {
        keys.warn("RETURN_SUCCESS is empty: every reply begins with it");
    }
    if has_empty(&fail) {
        keys.fault("RETURN_FAIL", "a text is expected: every reply begins with the empty one");
    }
    match given.first().copied() {
        Some("RETURN_SUCCESS_REGEX") => success_regex.map_or(Success::Status, Success::Matches),
        Some("RETURN_FAIL_REGEX") => fail_regex.map_or(Success::Status, Success::MatchesNot),
        Some("RETURN_SUCCESS") => Success::BeginsWith(success),
        Some("RETURN_FAIL") => Success::BeginsNotWith(fail),
        Some(_) => Success::Json(json),
        None => Success::Status,
    }
}

/// A regular expression; a bad one is a fault.
fn regex(keys: &mut Keys, key: &str) -> Option<Regex> {
    let text = keys.string(key)?;
    compiled(keys, key, &text)
}

fn compiled(keys: &mut Keys, key: &str, text: &str) -> Option<Regex> {
    if text.is_empty() {
        keys.fault(key, "a text is expected: the empty one is found in every reply");
    }
    let regex = RegexBuilder::new(text).size_limit(LARGEST_REGEX).build();
    let message = match &regex {
        Ok(_) => return regex.ok(),
        Err(regex::Error::CompiledTooBig(_)) => "a smaller regular expression is expected",
        Err(_) if text.contains("(?=") || text.contains("(?!") || text.contains("(?<") => {
            "a regular expression without look-ahead and look-behind is expected"
        }
        Err(_) => "a regular expression is expected (without back references)",
    };
    keys.fault(key, message);
    None
}

/// What a refusal may be about. Patience goes first: where another try may help, it is made.
const REFUSALS: [ReportCode; 5] = [
    ReportCode::GatewayBusy,
    ReportCode::GatewayError,
    ReportCode::NumberRejected,
    ReportCode::GatewayAuthFailed,
    ReportCode::GatewayRejected,
];

/// REFUSALS: report code → regular expression.
fn refusals(keys: &mut Keys) -> Vec<(ReportCode, Regex)> {
    let mut object = keys.object("REFUSALS").unwrap_or_default();
    let mut refusals = Vec::new();
    for code in REFUSALS {
        let key = format!("REFUSALS.{code}");
        match object.remove(code.as_str()) {
            None => {}
            Some(Value::String(text)) => {
                refusals.extend(compiled(keys, &key, &text).map(|regex| (code, regex)))
            }
            Some(_) => keys.fault(key, "a regular expression is expected"),
        }
    }
    for (name, _) in object {
        let codes = REFUSALS.map(|code| code.to_string()).join(", ");
        keys.fault(format!("REFUSALS.{name}"), format!("one of these is expected: {codes}"));
    }
    refusals
}

/// SUCCESS_JSON: `"/pointer"`, or `{"/pointer": value or list of values, …}`.
fn json_rules(keys: &mut Keys) -> Vec<JsonRule> {
    let shape = "a JSON pointer (as in \"/messages/0/id\"), or {\"/pointer\": value, …}, is expected";
    match keys.value("SUCCESS_JSON").cloned() {
        None => Vec::new(),
        Some(Value::String(pointer)) if is_pointer(&pointer) => {
            vec![JsonRule { pointer, any_of: Vec::new() }]
        }
        Some(Value::Object(object)) if !object.is_empty() => {
            object.into_iter().filter_map(|(pointer, value)| json_rule(keys, pointer, value)).collect()
        }
        Some(_) => {
            keys.fault("SUCCESS_JSON", shape);
            Vec::new()
        }
    }
}

fn json_rule(keys: &mut Keys, pointer: String, value: Value) -> Option<JsonRule> {
    let key = format!("SUCCESS_JSON.{pointer}");
    if !is_pointer(&pointer) {
        keys.fault(&key, "a JSON pointer is expected, beginning with /");
    }
    let values = match value {
        Value::Array(values) if !values.is_empty() => values,
        value => vec![value],
    };
    let any_of = values.iter().map(|value| keys.scalar(&key, value)).collect::<Option<_>>()?;
    Some(JsonRule { pointer, any_of })
}

/// RFC 6901 §3.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && !text.replace("~0", "").replace("~1", "").contains('~')
}

fn message_id(keys: &mut Keys) -> Option<MessageId> {
    let text = keys.string("MESSAGE_ID")?;
    if text.starts_with('/') {
        if !is_pointer(&text) {
            keys.fault("MESSAGE_ID", "a JSON pointer has ~0 for ~ and ~1 for /");
        }
        return Some(MessageId::Pointer(text));
    }
    let regex = regex(keys, "MESSAGE_ID")?;
    if regex.captures_len() != 2 {
        keys.fault("MESSAGE_ID", "a JSON pointer, or a regular expression with one group (…), is expected");
    }
    Some(MessageId::Group(regex))
}

fn status(keys: &mut Keys) -> StatusRules {
    match keys.value("STATUS").cloned() {
        None => StatusRules::Own(Vec::new()),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("ignore") => StatusRules::Ignore,
        Some(Value::Object(object)) => StatusRules::Own(
            object.into_iter().filter_map(|(status, means)| status_rule(keys, &status, &means)).collect(),
        ),
        Some(_) => {
            keys.fault(
                "STATUS",
                "\"ignore\" or an object is expected, as in {\"409\": \"accepted\", \"4xx\": \"retry\"}",
            );
            StatusRules::Own(Vec::new())
        }
    }
}

fn status_rule(keys: &mut Keys, status: &str, means: &Value) -> Option<(u16, StatusMeans)> {
    let key = format!("STATUS.{status}");
    let number = match status.strip_suffix("xx") {
        Some(class) => class.parse().ok().filter(|class| (1..=5).contains(class) && status.len() == 3),
        None => status.parse().ok().filter(|status| (100..=599).contains(status)),
    };
    if number.is_none() {
        keys.fault(&key, "a status such as 409, or a class such as 4xx, is expected");
    }
    let means = match means.as_str() {
        Some("accepted") => Some(StatusMeans::Accepted),
        Some("retry") => Some(StatusMeans::Retry),
        Some("rejected") => Some(StatusMeans::Rejected),
        _ => {
            keys.fault(&key, "accepted, retry or rejected is expected");
            None
        }
    };
    Some((number?, means?))
}

/// Rules that would make a success of everything.
fn check_status(keys: &mut Keys, success: &Success, status: &StatusRules) {
    let has_words = !matches!(success, Success::Status);
    if *status == StatusRules::Ignore && !has_words {
        keys.fault(
            "STATUS",
            "one of RETURN_SUCCESS, RETURN_FAIL, their _REGEX and SUCCESS_JSON is required beside ignore: \
             else every reply would be a success",
        );
    }
    let StatusRules::Own(rules) = status else { return };
    let accepts_2xx =
        |(key, means): &(u16, StatusMeans)| (*key == 2 || key / 100 == 2) && *means == StatusMeans::Accepted;
    if has_words && rules.iter().any(accepts_2xx) {
        keys.fault(
            "STATUS",
            "no 2xx can be accepted by itself where RETURN_* or SUCCESS_JSON says what a success is",
        );
    }
}
