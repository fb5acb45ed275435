//! A JSON template: its strings may hold tags, and what they bring stays inside the string.

use mtan_sender::keys::Keys;
use mtan_sender::tags::{Template, Values};
use serde_json::{Map, Value};

use super::ValidityUnit;

/// JSON whose strings and names are templates. May hold passwords: no `Debug`.
#[derive(Clone, PartialEq)]
pub(crate) enum JsonText {
    /// null, a number, a truth: as it is.
    Other(Value),
    Text(Template),
    /// The code's remaining life.
    Validity(ValidityUnit),
    List(Vec<JsonText>),
    Object(Vec<(Template, JsonText)>),
}

impl JsonText {
    /// The template `value`, which stands at `key`; `None` only beside a fault.
    pub(super) fn read(keys: &mut Keys, key: &str, value: Value) -> Option<JsonText> {
        Some(match value {
            Value::String(text) => JsonText::Text(keys.template(key, &text)),
            Value::Array(list) => {
                let items = list.into_iter().map(|item| JsonText::read(keys, key, item));
                JsonText::List(items.collect::<Option<_>>()?)
            }
            Value::Object(object) => {
                let members = object.into_iter().map(|(name, value)| {
                    Some((keys.template(key, &name), JsonText::read(keys, key, value)?))
                });
                JsonText::Object(members.collect::<Option<_>>()?)
            }
            Value::Number(_) => {
                keys.scalar(key, &value)?; // one that cannot stay as it is written is refused
                JsonText::Other(value)
            }
            Value::Null | Value::Bool(_) => JsonText::Other(value),
        })
    }

    /// All templates in it.
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            JsonText::Other(_) | JsonText::Validity(_) => Vec::new(),
            JsonText::Text(template) => vec![template],
            JsonText::List(items) => items.iter().flat_map(JsonText::templates).collect(),
            JsonText::Object(members) => {
                members.iter().flat_map(|(name, value)| [vec![name], value.templates()].concat()).collect()
            }
        }
    }

    /// Adds a member for the code's life: `place` is its name at the top, or a pointer (RFC 6901) whose last part is its
    /// name. False if no object is there, or if it has such a member.
    pub(super) fn place_validity(&mut self, place: &str, unit: ValidityUnit) -> bool {
        let parts: Vec<String> = match place.strip_prefix('/') {
            None => vec![place.to_owned()],
            Some(pointer) => {
                pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
            }
        };
        self.place(&parts, unit)
    }

    fn place(&mut self, parts: &[String], unit: ValidityUnit) -> bool {
        match (self, parts) {
            (JsonText::Object(members), [name]) => {
                let is_new = members.iter().all(|(known, _)| known.fixed() != Some(name));
                if is_new {
                    members.push((Template::new(name), JsonText::Validity(unit)));
                }
                is_new
            }
            (JsonText::Object(members), [name, rest @ ..]) => {
                let member = members.iter_mut().find(|(known, _)| known.fixed() == Some(name));
                member.is_some_and(|(_, value)| value.place(rest, unit))
            }
            (JsonText::List(items), [index, rest @ ..]) if !rest.is_empty() => {
                let item = index.parse::<usize>().ok().and_then(|index| items.get_mut(index));
                item.is_some_and(|item| item.place(rest, unit))
            }
            _ => false,
        }
    }

    /// The JSON for one job; `life` tells the code's remaining life in a unit. Members and items with a callback's URL in
    /// them are left out where there is none.
    pub(crate) fn fill(&self, values: &Values<'_>, life: &dyn Fn(ValidityUnit) -> Value) -> Value {
        match self {
            JsonText::Other(value) => value.clone(),
            JsonText::Text(template) => Value::String(template.fill(values)),
            JsonText::Validity(unit) => life(*unit),
            JsonText::List(items) => {
                let given = items.iter().filter(|item| !item.lacks_url(values));
                given.map(|item| item.fill(values, life)).collect()
            }
            JsonText::Object(members) => {
                let given = members
                    .iter()
                    .filter(|(name, value)| !name.lacks_url(values) && !value.lacks_url(values));
                let members = given.map(|(name, value)| (name.fill(values), value.fill(values, life)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    fn lacks_url(&self, values: &Values<'_>) -> bool {
        matches!(self, JsonText::Text(template) if template.lacks_url(values))
    }

    /// The unit in which it tells the code's life, if it does.
    pub(crate) fn validity(&self) -> Option<ValidityUnit> {
        match self {
            JsonText::Validity(unit) => Some(*unit),
            JsonText::List(items) => items.iter().find_map(JsonText::validity),
            JsonText::Object(members) => members.iter().find_map(|(_, value)| value.validity()),
            JsonText::Other(_) | JsonText::Text(_) => None,
        }
    }
}
