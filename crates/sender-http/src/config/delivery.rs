//! DLR: how the gateway reports delivery.

use mtan_sender::keys::Keys;
use mtan_sender::tags::{Tag, Template};
use reqwest::header::HeaderName;
use serde_json::{Map, Value};

use super::{Body, Parameter, Parameters};
use crate::callback::{CallbackRules, Place};

const MEMBERS: [&str; 5] = ["id", "state", "delivered", "undelivered", "answer"];

/// DLR, and that `<dlr_url>` stands somewhere: a gateway that is told no URL calls nobody.
pub(super) fn read(
    keys: &mut Keys,
    body: Option<&Body>,
    headers: &[(HeaderName, Template)],
) -> Option<CallbackRules> {
    if !keys.has("DLR") {
        return None;
    }
    let told = headers.iter().any(|(_, value)| value.has(Tag::DlrUrl)) || body.is_none_or(names_url);
    if !told {
        keys.fault("DLR", "<dlr_url> is expected in PARAMETER, BODY or HEADERS, where the gateway looks for the URL to call");
    }
    let object = keys.object("DLR")?;
    for name in object.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        keys.fault(format!("DLR.{name}"), "no such member: id, state, delivered, undelivered and answer are");
    }
    let id = place(keys, &object, "id");
    let state = place(keys, &object, "state");
    if state.is_none() && !object.contains_key("state") {
        keys.fault(
            "DLR.state",
            "is required: the parameter, or the JSON pointer, of the state in a callback",
        );
    }
    let delivered = words(keys, &object, "delivered");
    let undelivered = words(keys, &object, "undelivered");
    if delivered.is_empty() {
        keys.fault("DLR.delivered", "is required: the states that mean delivered");
    }
    if delivered.iter().any(|word| undelivered.iter().any(|other| other.eq_ignore_ascii_case(word))) {
        keys.fault("DLR.undelivered", "a state is expected in one of both lists only");
    }
    let answer = match object.get("answer") {
        None => "OK".to_owned(),
        Some(answer) => keys.scalar("DLR.answer", answer).unwrap_or_default(),
    };
    Some(CallbackRules { id, state: state?, delivered, undelivered, answer })
}

fn names_url(body: &Body) -> bool {
    let in_parameters = |parameters: &Parameters| {
        parameters
            .fixed
            .iter()
            .any(|(_, value)| matches!(value, Parameter::Text(text) if text.has(Tag::DlrUrl)))
    };
    match body {
        Body::Pairs(parameters) | Body::Json(parameters) => in_parameters(parameters),
        Body::JsonTemplate(json) => json.templates().iter().any(|template| template.has(Tag::DlrUrl)),
        Body::TextTemplate { text, .. } => text.has(Tag::DlrUrl),
    }
}

/// The name of a parameter, or a JSON pointer.
fn place(keys: &mut Keys, object: &Map<String, Value>, name: &str) -> Option<Place> {
    match object.get(name)? {
        Value::String(text) if !text.is_empty() => Some(Place::new(text.clone())),
        _ => {
            keys.fault(
                format!("DLR.{name}"),
                "the name of a parameter, or a JSON pointer that begins with / is expected",
            );
            None
        }
    }
}

/// One word or a list of them.
fn words(keys: &mut Keys, object: &Map<String, Value>, name: &str) -> Vec<String> {
    let listed = match object.get(name) {
        None => return Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
    };
    let key = format!("DLR.{name}");
    listed.iter().filter_map(|word| keys.scalar(&key, word)).collect()
}
