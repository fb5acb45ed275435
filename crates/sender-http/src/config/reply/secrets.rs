//! What a configuration holds that no reply may bring into a detail.

use mtan_sender::Secrets;
use mtan_sender::keys::Keys;
use mtan_sender::tags::Template;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use crate::path;

/// Of PARAMETER, UNICODE, HEADERS and BODY what stands between tags; USERNAME and PASSWORD; of URL and PROXY user and
/// password, query, and the parts of the path that may be a token.
pub(super) fn of(keys: &Keys) -> Secrets {
    let mut secrets = Secrets::default();
    for key in ["PARAMETER", "UNICODE", "HEADERS"] {
        keys.value(key).into_iter().for_each(|value| add_json(&mut secrets, "", value));
    }
    match keys.value("BODY") {
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => add_json(&mut secrets, "", &json),
            _ => Template::new(text).fixed_parts().for_each(|part| add_text(&mut secrets, part)),
        },
        body => body.into_iter().for_each(|value| add_json(&mut secrets, "", value)),
    }
    let scalar = |key| keys.value(key).and_then(scalar).unwrap_or_default();
    secrets.add_login(&scalar("USERNAME"), &scalar("PASSWORD"));
    let proxies = match keys.value("PROXY") {
        Some(Value::Object(object)) => object.values().collect(),
        proxy => proxy.into_iter().collect::<Vec<_>>(),
    };
    let addresses = keys.value("URL").into_iter().chain(proxies).filter_map(Value::as_str);
    addresses.filter_map(|text| Url::parse(text).ok()).for_each(|url| add_url(&mut secrets, &url));
    secrets
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `value`, which `name` names; the items of a list have the list's name.
fn add_json(secrets: &mut Secrets, name: &str, value: &Value) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| add_json(secrets, name, value)),
        Value::Array(list) => list.iter().for_each(|value| add_json(secrets, name, value)),
        _ if ["content-type", "accept"].iter().any(|known| name.eq_ignore_ascii_case(known)) => {}
        other => {
            let text = scalar(other).unwrap_or_default();
            Template::new(&text).fixed_parts().for_each(|part| secrets.add(name, part));
        }
    }
}

/// The values in XML, a form or a line of words, each with the name before it: `<key>…`, `key="…"`, `key=…`.
fn add_text(secrets: &mut Secrets, text: &str) {
    let mut name = "";
    let mut before = ' ';
    let is_between = |c: char| c.is_whitespace() || "<>\"'&".contains(c);
    for piece in text.split_inclusive(is_between) {
        let sign = piece.chars().next_back().filter(|c| is_between(*c));
        let piece = piece.trim_end_matches(is_between);
        match piece.split_once('=') {
            _ if before == '<' => name = piece.split_once('/').map_or(piece, |_| ""),
            Some((new, "")) => name = new,
            Some((new, value)) => {
                secrets.add(new, value);
                name = "";
            }
            None => secrets.add(name, piece),
        }
        before = sign.unwrap_or(' ');
    }
}

fn add_url(secrets: &mut Secrets, url: &Url) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    secrets.add_login(&decoded(url.username()), &decoded(url.password().unwrap_or_default()));
    for (name, value) in url.query_pairs() {
        // without a value the name may be a token
        match &*value {
            "" => secrets.add("", &name),
            value => secrets.add(&name, value),
        }
    }
    let parts = url.path().split('/').filter(|part| !path::is_plain(part));
    parts.for_each(|part| secrets.add("", part));
}
