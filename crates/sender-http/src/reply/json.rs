//! What a JSON reply says.

use serde_json::Value;

use crate::config::JsonRule;

/// `None` if the text is no JSON.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Whether `rule` is true of `json`.
pub(super) fn holds(json: &Value, rule: &JsonRule) -> bool {
    let Some(value) = json.pointer(&rule.pointer).filter(|value| !value.is_null()) else { return false };
    rule.any_of.is_empty() || text(value).is_some_and(|text| rule.any_of.contains(&text))
}

/// The string, number or truth at `pointer`, as text.
pub(super) fn at(json: &Value, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(text)
}

/// Gateways do not care whether `0` is a number or a string, so neither do we.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
