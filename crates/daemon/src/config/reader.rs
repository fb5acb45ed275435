//! Reads one node as what a section's struct asks for, and finds every mistake on the way.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor,
};
use serde::de::{Error, MapAccess, SeqAccess};
use serde::forward_to_deserialize_any;
use toml::Value;

use super::is_at_or_below;
use super::ledger::Ledger;
use super::mistake::{Mistake, What};
use super::node::{Content, Node};
use super::slot::Names;

/// The section at `node`. A serde visitor stops at its first mistake: so the mistake is noted, its key is left out
/// (or, if it must be there, filled in), and the section is read again, until nothing new is found.
pub(super) fn read<T: DeserializeOwned>(node: &Node<'_>, ledger: &Ledger<'_>) -> Option<T> {
    loop {
        let mistake = match T::deserialize(Reader { node: node.clone(), ledger }) {
            Ok(section) => return Some(section),
            Err(mistake) => mistake.at(&node.place, &node.values()),
        };
        if !note(mistake, ledger) {
            return None;
        }
    }
}

/// Notes the mistake; false when reading on cannot find more.
fn note(mistake: Mistake, ledger: &Ledger<'_>) -> bool {
    let Some(place) = mistake.place else { return false };
    let (path, origin) =
        (place.path, place.origin.map_or_else(String::new, |origin| format!(" (from {origin})")));
    match mistake.what {
        What::Missing(field) => {
            let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
            if !ledger.is_refused(&path) {
                ledger.fault(path.clone(), "is missing");
            }
            ledger.stand_in(&path)
        }
        // a type that takes no stand-in: the mistake behind it is noted already
        _ if ledger.stand_ins().iter().any(|stand_in| is_at_or_below(&path, stand_in)) => false,
        What::Known(message) | What::Foreign(message) => {
            ledger.fault(path.clone(), format!("{message}{origin}"));
            ledger.refuse(&path)
        }
    }
}

/// A node about to be read.
struct Reader<'a> {
    node: Node<'a>,
    ledger: &'a Ledger<'a>,
}

impl<'a> Reader<'a> {
    /// The text of the environment as `T`; `None` for a value of the file.
    fn parsed<T: std::str::FromStr>(&self, expected: &dyn Expected) -> Result<Option<T>, Mistake> {
        let Content::Text(text) = &self.node.content else { return Ok(None) };
        let refused = || Mistake::invalid_value(Unexpected::Other("text"), expected);
        text.trim().parse().map(Some).map_err(|_| refused())
    }

    fn whole_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if matches!(self.node.content, Content::Anything) {
            return visitor.visit_u64(0);
        }
        match self.parsed::<i64>(&visitor)? {
            Some(number) => visit_number(number, visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn table<'de, V: Visitor<'de>>(self, names: Names, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.content {
            Content::Table { .. } | Content::Anything => {}
            // not as deserialize_any would: a derived struct takes a list as its fields in order
            Content::Toml(Value::Array(_)) => return Err(Mistake::found("a list", &visitor)),
            _ => return self.deserialize_any(visitor),
        }
        let slots = self.node.slots(names, self.ledger).into_iter();
        let mut children: Vec<_> = slots
            .filter_map(|slot| Some((slot.key.clone(), self.node.resolve(slot, self.ledger)?)))
            .collect();
        self.add_stand_ins(&mut children);
        visitor
            .visit_map(Children { rest: children.into_iter(), next: None, ledger: self.ledger })
            .map_err(|mistake| mistake.at(&self.node.place, &self.node.values()))
    }

    /// The keys that are missing in all layers and must be there.
    fn add_stand_ins(&self, children: &mut Vec<(String, Node<'a>)>) {
        for path in self.ledger.stand_ins() {
            let Some((_, key)) = path.rsplit_once('.').filter(|(parent, _)| *parent == self.node.place.path)
            else {
                continue;
            };
            if !children.iter().any(|(present, _)| present == key) {
                children.push((key.to_owned(), self.node.stand_in(key)));
            }
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: i64, visitor: V) -> Result<V::Value, Mistake> {
    match u64::try_from(number) {
        Ok(number) => visitor.visit_u64(number),
        Err(_) => visitor.visit_i64(number),
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            self.whole_number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.content {
            Content::Text(text) => visitor.visit_str(text),
            Content::Table { .. } => self.table(Names::Free, visitor),
            Content::Anything => visitor.visit_unit(),
            Content::Toml(Value::String(text)) => visitor.visit_str(text),
            Content::Toml(Value::Integer(number)) => visit_number(*number, visitor),
            Content::Toml(Value::Float(number)) => visitor.visit_f64(*number),
            Content::Toml(Value::Boolean(yes)) => visitor.visit_bool(*yes),
            Content::Toml(Value::Array(_)) => self.deserialize_seq(visitor),
            Content::Toml(Value::Datetime(_) | Value::Table(_)) => {
                Err(Mistake::found("a date or time", &visitor))
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.content {
            Content::Anything => visitor.visit_bool(false),
            Content::Text(text) => match text.trim().to_lowercase().as_str() {
                "true" | "1" => visitor.visit_bool(true),
                "false" | "0" => visitor.visit_bool(false),
                _ => Err(Mistake::invalid_value(Unexpected::Other("text"), &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if matches!(self.node.content, Content::Anything) {
            return visitor.visit_f64(0.0);
        }
        match self.parsed(&visitor)? {
            Some(number) => visitor.visit_f64(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.content {
            Content::Anything => visitor.visit_str(""),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.content {
            Content::Anything => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.elements(self.ledger) {
            Some(elements) => visitor.visit_seq(Elements { rest: elements.into_iter(), ledger: self.ledger }),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.table(Names::Free, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.table(Names::Fixed(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.node.content {
            Content::Text(text) | Content::Toml(Value::String(text)) => {
                let name: StrDeserializer<'_, Mistake> = text.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}

/// The keys of a table, one after the other.
struct Children<'a> {
    rest: std::vec::IntoIter<(String, Node<'a>)>,
    next: Option<Node<'a>>,
    ledger: &'a Ledger<'a>,
}

impl<'de> MapAccess<'de> for Children<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((key, node)) = self.rest.next() else { return Ok(None) };
        let place = node.place.clone();
        self.next = Some(node);
        let name: StrDeserializer<'_, Mistake> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|mistake| mistake.at(&place, &[]))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let node = self.next.take().expect("serde asks for a value only after its key");
        visit(node, seed, self.ledger)
    }
}

/// The elements of a list, one after the other.
struct Elements<'a> {
    rest: std::vec::IntoIter<Node<'a>>,
    ledger: &'a Ledger<'a>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let next = self.rest.find(|node| !self.ledger.is_refused(&node.place.path));
        next.map(|node| visit(node, seed, self.ledger)).transpose()
    }
}

fn visit<'de, S: DeserializeSeed<'de>>(
    node: Node<'_>,
    seed: S,
    ledger: &Ledger<'_>,
) -> Result<S::Value, Mistake> {
    let (place, values) = (node.place.clone(), node.values());
    seed.deserialize(Reader { node, ledger }).map_err(|mistake| mistake.at(&place, &values))
}
