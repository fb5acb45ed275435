//! What a request names one by one: PARAMETER, text, number, and the code's remaining life.

use std::time::Duration;

use mtan_sender::keys::Keys;
use serde_json::Value;

use super::{Parameter, Parameters, ValidityUnit};

/// The whole value of a parameter in UNICODE: the text in UCS-2, as hexadecimal digits.
const UCS2: &str = "<text_ucs2>";

pub(super) fn read(keys: &mut Keys) -> Parameters {
    let text_key = name(keys, "SMS_TEXT_KEY", "sms");
    let phone_key = name(keys, "SMS_PHONENUMBER_KEY", "phone");
    if text_key == phone_key {
        keys.fault("SMS_PHONENUMBER_KEY", "another name than SMS_TEXT_KEY's is expected");
    }
    let fixed = fixed(keys);
    for (key, name) in [("SMS_TEXT_KEY", &text_key), ("SMS_PHONENUMBER_KEY", &phone_key)] {
        if fixed.iter().any(|(fixed, _)| fixed == name) {
            keys.warn(format!("PARAMETER wins over {key}: both name the parameter {name}"));
        }
    }
    let unicode = unicode(keys);
    let validity = validity(keys);
    let is_taken =
        |name: &String| *name == text_key || *name == phone_key || fixed.iter().any(|(n, _)| n == name);
    if validity.as_ref().is_some_and(|(name, _)| is_taken(name)) {
        keys.fault("VALIDITY_KEY", "a name is expected that no other parameter has");
    }
    Parameters { fixed, text_key, phone_key, unicode, validity }
}

/// The name of a parameter.
fn name(keys: &mut Keys, key: &str, default: &str) -> String {
    let name = keys.string(key).unwrap_or_else(|| default.to_owned());
    if name.is_empty() {
        keys.fault(key, "the name of a parameter is expected");
    }
    name
}

fn fixed(keys: &mut Keys) -> Vec<(String, Parameter)> {
    let object = keys.object("PARAMETER").unwrap_or_default();
    object
        .into_iter()
        .filter_map(|(name, value)| {
            Some((name.clone(), parameter(keys, &format!("PARAMETER.{name}"), value)?))
        })
        .collect()
}

fn parameter(keys: &mut Keys, key: &str, value: Value) -> Option<Parameter> {
    let text = keys.scalar(key, &value)?;
    Some(match value {
        Value::String(_) => Parameter::Text(keys.template(key, &text)),
        other => Parameter::Other(other),
    })
}

/// UNICODE; null takes a parameter away.
fn unicode(keys: &mut Keys) -> Vec<(String, Option<Parameter>)> {
    let object = keys.object("UNICODE").unwrap_or_default();
    let one = |(name, value): (String, Value)| match value {
        Value::Null => Some((name, None)),
        Value::String(text) if text == UCS2 => Some((name, Some(Parameter::Ucs2))),
        value => {
            let parameter = parameter(keys, &format!("UNICODE.{name}"), value)?;
            Some((name, Some(parameter)))
        }
    };
    object.into_iter().filter_map(one).collect()
}

/// VALIDITY_KEY and VALIDITY_UNIT.
pub(super) fn validity(keys: &mut Keys) -> Option<(String, ValidityUnit)> {
    let units = [
        ("seconds", ValidityUnit::Seconds),
        ("minutes", ValidityUnit::Minutes),
        ("milliseconds", ValidityUnit::Milliseconds),
        ("timestamp", ValidityUnit::Timestamp),
        ("iso8601", ValidityUnit::Iso8601),
    ];
    let unit = keys.choice("VALIDITY_UNIT", &units).unwrap_or(ValidityUnit::Seconds);
    if keys.has("VALIDITY_UNIT") && !keys.has("VALIDITY_KEY") {
        keys.fault("VALIDITY_UNIT", "VALIDITY_KEY is required beside it");
    }
    let key = keys.string("VALIDITY_KEY")?;
    if key.is_empty() {
        keys.fault("VALIDITY_KEY", "the name of a parameter is expected");
    }
    Some((key, unit))
}

/// VALIDITY_MAX, in seconds.
pub(super) fn longest_life(keys: &mut Keys) -> Option<Duration> {
    if keys.has("VALIDITY_MAX") && !keys.has("VALIDITY_KEY") {
        keys.fault("VALIDITY_MAX", "VALIDITY_KEY is required beside it");
    }
    let seconds = keys.text("VALIDITY_MAX")?.parse::<u32>().ok().filter(|seconds| *seconds >= 60);
    if seconds.is_none() {
        keys.fault("VALIDITY_MAX", "a whole number of seconds is expected, at least 60");
    }
    seconds.map(|seconds| Duration::from_secs(seconds.into()))
}
