//! HEADERS: fields of the request, with tags in their values.

use mtan_sender::keys::Keys;
use mtan_sender::tags::Template;
use reqwest::header::{AUTHORIZATION, HeaderName};

/// Fields that the connection, the proxy or the reading of the reply depends on: they are ours.
const OURS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn read(keys: &mut Keys) -> Vec<(HeaderName, Template)> {
    let mut headers: Vec<(HeaderName, Template)> = Vec::new();
    for (name, value) in keys.object("HEADERS").unwrap_or_default() {
        let key = format!("HEADERS.{name}");
        let Some(header) = header_name(keys, &key, &name) else { continue };
        if headers.iter().any(|(known, _)| *known == header) {
            keys.fault(&key, "is there twice: names of fields have no case");
        }
        if let Some(text) = keys.scalar(&key, &value) {
            // RFC 9110 §5.5; what a tag brings is made fit when it is filled in
            if !text.chars().all(|c| c.is_ascii_graphic() || c == ' ') || text.trim() != text {
                keys.fault(&key, "visible ASCII characters and single spaces between them are expected");
            }
            headers.push((header, keys.template(&key, &text)));
        }
    }
    headers
}

fn header_name(keys: &mut Keys, key: &str, name: &str) -> Option<HeaderName> {
    let header = HeaderName::try_from(name).ok();
    if header.is_none() {
        keys.fault(key, "no field can have such a name");
    }
    let header = header?;
    if OURS.contains(&header.as_str()) {
        keys.fault(key, "this field is set by the sender itself");
    }
    Some(header)
}

/// A field and a key that both say who we are.
pub(super) fn refuse_two_authorizations(keys: &mut Keys, headers: &[(HeaderName, Template)], has_auth: bool) {
    if has_auth && headers.iter().any(|(name, _)| *name == AUTHORIZATION) {
        keys.fault("HEADERS.Authorization", "one of two is expected: this field, or USERNAME and PASSWORD");
    }
}
