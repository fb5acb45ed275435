//! A profile and a person's own keys become one set of keys.

use mtan_daemon::Fault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Host;

use super::{Applied, Dlr, Need, Profile};

/// Keys whose members are merged one by one.
const MERGED: [&str; 2] = ["PARAMETER", "HEADERS"];

/// Everything but RFC 3986's unreserved characters: a value of a person stays one segment of a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn apply(profile: &Profile, own: &Map<String, Value>) -> Applied {
    let mut faults: Vec<_> = profile.needs.iter().filter_map(|need| fault(profile, need, own)).collect();
    let mut keys = Map::new();
    for (key, value) in &profile.config {
        let encode = if key == "URL" { in_url } else { as_it_is };
        if let Some(value) = fill_in(value, profile, own, encode) {
            keys.insert(key.clone(), value);
        }
    }
    let asks_for_reports = own.get("DLR") == Some(&Value::Bool(true));
    if asks_for_reports {
        match &profile.dlr {
            Some(dlr) => report(&mut keys, dlr),
            None => faults.push(Fault {
                key: "DLR".to_owned(),
                message: format!(
                    "PROFILE {} knows no delivery reports that a request can ask for",
                    profile.name
                ),
            }),
        }
    }
    let own = own
        .iter()
        .filter(|(key, _)| !(is_name_of_its_own(profile, key) || asks_for_reports && *key == "DLR"));
    for (key, value) in own {
        match misspelt(profile, key) {
            Some(meant) => faults
                .push(Fault { key: key.clone(), message: format!("no such key; did you mean {meant}?") }),
            None => put(&mut keys, key, value),
        }
    }
    (keys, faults)
}

/// What `"DLR": true` stands for.
fn report(keys: &mut Map<String, Value>, dlr: &Dlr) {
    for (key, value) in &dlr.request {
        merge(keys.entry(key).or_insert(Value::Null), value);
    }
    keys.insert("DLR".to_owned(), Value::Object(dlr.block.clone()));
}

/// Puts `further` into `value`: objects by their members, lists by their places.
fn merge(value: &mut Value, further: &Value) {
    match (value, further) {
        (Value::Object(value), Value::Object(further)) => {
            for (name, further) in further {
                merge(value.entry(name).or_insert(Value::Null), further);
            }
        }
        (Value::Array(value), Value::Array(further)) => {
            value.iter_mut().zip(further).for_each(|(value, further)| merge(value, further));
        }
        (value, further) => *value = further.clone(),
    }
}

/// What is wrong with what the person gave for `need`.
fn fault(profile: &Profile, need: &Need, own: &Map<String, Value>) -> Option<Fault> {
    let given = given(own, &need.key).or_else(|| given(own, need.or.as_deref()?));
    let message = match given {
        None if need.optional => return None,
        None | Some(Value::Null) => {
            let or = need.or.as_ref().map_or_else(String::new, |or| format!(", or {or}"));
            format!("is required by PROFILE {}{or}: {}", profile.name, need.is)
        }
        Some(Value::String(text)) if text.trim().is_empty() => format!("is empty: {}", need.is),
        Some(Value::String(text)) if need.host && !is_host(text) => {
            format!("a host name alone is expected, without https:// and path: {}", need.is)
        }
        Some(Value::String(_) | Value::Number(_)) => return None,
        Some(_) => format!("a string is expected: {}", need.is),
    };
    Some(Fault { key: need.key.clone(), message })
}

/// The value of `KEY` or `KEY.member`.
fn given<'a>(own: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => own.get(key),
        Some((key, member)) => own.get(key)?.get(member),
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    Host::parse(host).is_ok() && port.parse::<u16>().is_ok()
}

/// `API_KEY`, `FROM`: names that a profile declares and HttpSMSProvider does not know.
fn is_name_of_its_own(profile: &Profile, key: &str) -> bool {
    key == "PROFILE" || (!crate::config::is_key(key) && profile.needs.iter().any(|need| need.key == key))
}

/// The profile's own name that is meant by a key which nobody knows; HttpSMSProvider's own are named by its reader.
fn misspelt<'a>(profile: &'a Profile, key: &str) -> Option<&'a str> {
    const SLIPS: usize = 2;
    if crate::config::is_key(key) {
        return None;
    }
    let names = profile.needs.iter().map(|need| need.key.as_str()).filter(|name| !name.contains('.'));
    let key = key.to_uppercase();
    names
        .min_by_key(|name| strsim::damerau_levenshtein(name, &key))
        .filter(|name| !crate::config::is_key(name) && strsim::damerau_levenshtein(name, &key) <= SLIPS)
}

/// `{NAME}` in every string of `value`; `None` where a string is nothing but the name of an optional key that was not given:
/// its place is left out.
fn fill_in(
    value: &Value,
    profile: &Profile,
    own: &Map<String, Value>,
    encode: fn(&Need, &str) -> String,
) -> Option<Value> {
    let inner = |value: &Value| fill_in(value, profile, own, encode);
    Some(match value {
        Value::String(text) => Value::String(filled(text, profile, own, encode)?),
        Value::Array(list) => list.iter().filter_map(inner).collect(),
        Value::Object(object) => {
            object.iter().filter_map(|(key, value)| Some((key.clone(), inner(value)?))).collect()
        }
        other => other.clone(),
    })
}

/// One pass over the template: a brace in a person's value is a brace.
fn filled(
    template: &str,
    profile: &Profile,
    own: &Map<String, Value>,
    encode: fn(&Need, &str) -> String,
) -> Option<String> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = profile
            .needs
            .iter()
            .find(|need| rest[1..].strip_prefix(&need.key).is_some_and(|r| r.starts_with('}')));
        let Some(need) = named else {
            out.push('{');
            rest = &rest[1..];
            continue;
        };
        let tag = need.key.len() + 2;
        match own.get(&need.key) {
            Some(Value::String(text)) => out.push_str(&encode(need, text)),
            Some(Value::Number(number)) => out.push_str(&number.to_string()),
            _ if template.len() == tag && need.optional => return None,
            _ => out.push_str(&rest[..tag]), // a fault, and it is named already
        }
        rest = &rest[tag..];
    }
    Some(out + rest)
}

fn as_it_is(_: &Need, text: &str) -> String {
    text.to_owned()
}

fn in_url(need: &Need, text: &str) -> String {
    if need.host { text.to_owned() } else { utf8_percent_encode(text, RESERVED).to_string() }
}

/// An own key over the profile's.
fn put(keys: &mut Map<String, Value>, key: &str, value: &Value) {
    match (keys.get_mut(key), value) {
        (_, Value::Null) => {
            keys.remove(key);
        }
        (Some(Value::Object(theirs)), Value::Object(own)) if MERGED.contains(&key) => {
            for (name, value) in own {
                // header names know no case
                theirs.retain(|known, _| {
                    known != name && !(key == "HEADERS" && known.eq_ignore_ascii_case(name))
                });
                if !value.is_null() {
                    theirs.insert(name.clone(), value.clone());
                }
            }
        }
        _ => {
            keys.insert(key.to_owned(), value.clone());
        }
    }
}
