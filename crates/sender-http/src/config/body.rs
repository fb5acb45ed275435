//! BODY: form, JSON, or a template of the whole.

use mtan_sender::keys::Keys;
use mtan_sender::tags::{Tag, Template};
use reqwest::header::{CONTENT_TYPE, HeaderName};
use serde_json::Value;

use super::{Body, JsonText, Method, TextKind, parameters};

/// Keys that mean nothing beside a template, which is written as a whole.
const OF_PARAMETERS: &[&str] = &["PARAMETER", "UNICODE", "SMS_TEXT_KEY", "SMS_PHONENUMBER_KEY"];

type Headers = [(HeaderName, Template)];

/// `None` only beside a fault.
pub(super) fn read(keys: &mut Keys, method: Method, headers: &Headers) -> Option<Body> {
    if method == Method::Get && keys.has("BODY") {
        keys.fault("BODY", "a GET has none: \"HTTP_Method\": \"POST\" is expected beside it");
    }
    match keys.value("BODY").cloned() {
        None => Some(Body::Pairs(parameters::read(keys))),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("form") => {
            Some(Body::Pairs(parameters::read(keys)))
        }
        Some(Value::String(word)) if word.eq_ignore_ascii_case("json") => {
            Some(Body::Json(parameters::read(keys)))
        }
        Some(template) => {
            for key in OF_PARAMETERS.iter().filter(|key| keys.has(key)).copied().collect::<Vec<_>>() {
                keys.fault(key, "has no place beside a BODY that is a template");
            }
            let (body, tags) = self::template(keys, template, headers)?;
            require_tags(keys, tags, headers);
            Some(body)
        }
    }
}

/// Which tags stand in a template.
struct Tags {
    phone: bool,
    text: bool,
}

impl Tags {
    fn of(templates: &[&Template]) -> Tags {
        let has = |tag| templates.iter().any(|template| template.has(tag));
        Tags { phone: has(Tag::Phone), text: has(Tag::Otp) || has(Tag::Text) }
    }
}

fn template(keys: &mut Keys, template: Value, headers: &Headers) -> Option<(Body, Tags)> {
    match template {
        Value::Object(_) | Value::Array(_) => json(keys, template),
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            let parsed = serde_json::from_str(&text).map_err(|e| (e.line(), e.column()));
            let parsed = parsed.map_err(|(line, column)| {
                keys.fault(
                    "BODY",
                    format!("it begins like JSON, and is none at its line {line} column {column}"),
                );
            });
            json(keys, parsed.ok()?)
        }
        Value::String(text) if !text.trim().is_empty() => Some(self::text(keys, &text, headers)),
        _ => {
            keys.fault("BODY", "\"form\", \"json\" or a template is expected: an object, or a text");
            None
        }
    }
}

fn json(keys: &mut Keys, value: Value) -> Option<(Body, Tags)> {
    let validity = parameters::validity(keys);
    let mut json = JsonText::read(keys, "BODY", value)?;
    if let Some((place, unit)) = validity
        && !json.place_validity(&place, unit)
    {
        keys.fault(
            "VALIDITY_KEY",
            "the name of a new member of BODY's object is expected, or a pointer to one (as in /message/ttl)",
        );
    }
    let tags = Tags::of(&json.templates());
    Some((Body::JsonTemplate(json), tags))
}

fn text(keys: &mut Keys, text: &str, headers: &Headers) -> (Body, Tags) {
    if keys.has("VALIDITY_KEY") || keys.has("VALIDITY_UNIT") {
        keys.fault("VALIDITY_KEY", "has no place in a BODY that is a text");
    }
    let is_form = headers.iter().any(|(name, value)| {
        *name == CONTENT_TYPE
            && value.fixed().is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
    });
    let start = text.trim_start();
    let kind = match start.starts_with('<') && !Template::new(start).begins_with_tag() {
        _ if is_form => TextKind::Form,
        true => TextKind::Xml,
        false => TextKind::Plain,
    };
    if kind == TextKind::Plain && ["=<text>", "=<otp>", "=<phone>"].iter().any(|pair| text.contains(pair)) {
        keys.warn(
            "BODY looks like a form and is sent as plain text, with nothing escaped: \"BODY\": \"form\" with PARAMETER, or \
             the Content-Type of a form in HEADERS, is meant",
        );
    }
    let text = keys.template("BODY", text);
    let tags = Tags::of(&[&text]);
    (Body::TextTemplate { text, kind }, tags)
}

/// A request that names nobody, or says nothing, is no SMS.
fn require_tags(keys: &mut Keys, tags: Tags, headers: &Headers) {
    let in_headers = Tags::of(&headers.iter().map(|(_, value)| value).collect::<Vec<_>>());
    if !tags.phone && !in_headers.phone {
        keys.fault("BODY", "<phone> is expected in it");
    }
    if !tags.text && !in_headers.text {
        keys.fault("BODY", "<text> or <otp> is expected in it");
    }
}
