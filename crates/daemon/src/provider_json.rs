//! `SMSProviderConfig` is a JSON object: what is wrong with a text that is none, for people who pasted it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::config::position;

/// Checks that `text` is a JSON object, or is one with its typographic quotes repaired. The error says where it stops
/// being one, and never repeats the text; quotes that are no JSON quotes are called by name, for word processors and
/// Python make them.
/// # Errors
/// It is none.
pub fn check(text: &str) -> Result<(), String> {
    let repaired = repair_quotes(text);
    let text_read = repaired.as_ref().map_or(text, |repaired| &repaired.text);
    match serde_json::from_str::<Value>(text_read) {
        Ok(Value::Object(_)) => twice(text_read).map_or(Ok(()), |key| {
            Err(format!("{key} stands twice in the JSON, and only one of them can count"))
        }),
        Ok(other) => Err(format!("a JSON object {{…}} is expected, found {}", kind(&other))),
        Err(error) => Err(explain(text, &error)),
    }
}

/// The first key that stands twice in one object of `text`, seen from the top; `text` is JSON.
fn twice(text: &str) -> Option<String> {
    let mut found = None;
    let seed = Once { path: String::new(), twice: &mut found };
    drop(seed.deserialize(&mut serde_json::Deserializer::from_str(text)));
    found
}

/// Reads a value, and notes a key that stands twice in it; serde_json itself takes the last one in silence.
struct Once<'a> {
    path: String,
    twice: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Once { path, twice } = self;
        let mut at = 0;
        while items.next_element_seed(Once { path: format!("{path}[{at}]"), twice: &mut *twice })?.is_some() {
            at += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Once { path, twice } = self;
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            members.next_value_seed(Once { path: here.clone(), twice: &mut *twice })?;
            if !seen.insert(key) {
                twice.get_or_insert(here);
            }
        }
        Ok(())
    }
}

/// A JSON object whose typographic quotes were read as `"`.
#[derive(Clone, PartialEq, Eq)]
pub struct RepairedJson {
    /// The text with every one of them replaced. It may hold passwords: no `Debug`.
    pub text: String,
    /// What was repaired, for a warning; without any of the text.
    pub note: String,
}

/// The JSON object that `text` is once all its typographic double quotes are `"`, as in samples that went through a word
/// processor or a web page. `None` where it is JSON as it stands, and where the quotes are not all that is wrong: then
/// nobody knows which of them are meant.
pub fn repair_quotes(text: &str) -> Option<RepairedJson> {
    let is_object =
        |text: &str| serde_json::from_str::<Value>(text).map(|value| value.is_object()).unwrap_or_default();
    let (at, first) = text.char_indices().find(|(_, c)| is_double(*c))?;
    let repaired = text.replace(is_double, "\"");
    if serde_json::from_str::<Value>(text).is_ok() || !is_object(&repaired) {
        return None;
    }
    let count = text.chars().filter(|c| is_double(*c)).count();
    let (line, column) = position(text, at);
    let note = format!(
        "{count} typographic quotes were read as the double quote (\") that JSON takes, the first ({first}) at line \
         {line}, column {column} of the JSON: replace them"
    );
    Some(RepairedJson { text: repaired, note })
}

fn explain(text: &str, error: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "a JSON object {…} is expected, found nothing".to_owned();
    }
    let byte = byte_of(text, error);
    if let Some((at, quote)) = foreign_quote(text, byte) {
        let (line, column) = position(text, at);
        return format!(
            "line {line}, column {column} of the JSON: {} ({quote}) where JSON takes the double quote (\") only",
            if quote == '\'' { "a single quote" } else { "a typographic quote" },
        );
    }
    let (line, column) = position(text, byte);
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let words = if error.is_eof() { "the text ends before the object does" } else { words };
    format!("line {line}, column {column} of the JSON: {words}")
}

/// The byte at which serde_json stopped; its lines and columns count from 1, columns in bytes.
fn byte_of(text: &str, error: &serde_json::Error) -> usize {
    let line_start: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (line_start + error.column().saturating_sub(1)).min(text.len())
}

/// The quote that is to blame: the first that stands outside a string, at or before `stop`; else the last typographic
/// one before `stop`, which left its string open.
fn foreign_quote(text: &str, stop: usize) -> Option<(usize, char)> {
    let read = || text.char_indices().take_while(|(at, _)| *at <= stop);
    let (mut inside, mut escaped) = (false, false);
    for (at, c) in read() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '\'' if !inside => return Some((at, c)),
            c if !inside && is_typographic(c) => return Some((at, c)),
            _ => {}
        }
    }
    read().filter(|(_, c)| is_typographic(*c)).last()
}

fn is_typographic(c: char) -> bool {
    is_double(c) || "‘’‚‛«»′".contains(c)
}

/// What word processors make of `"`.
fn is_double(c: char) -> bool {
    "“”„‟″＂".contains(c)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        check(text).unwrap_err()
    }

    #[test]
    fn an_object_is_accepted() {
        check(r#"{"URL": "http://gateway.example/send", "PARAMETER": {"from": "0170111111"}}"#).unwrap();
        check("{ \"body\": \"it's “quoted” text\" }").unwrap();
    }

    #[test]
    fn typographic_quotes_are_called_by_name() {
        let cut_off = "{ “mailserver” : “smtp.yourdomain.com”,\n  “mailsender” : “linotp@yourdomain.com”\n";
        assert_eq!(
            refusal(cut_off),
            "line 1, column 3 of the JSON: a typographic quote (“) where JSON takes the double quote (\") only"
        );
        let value_only = "{\n \"subject\": “<phone>\" },";
        assert!(refusal(value_only).starts_with("line 2, column 13 of the JSON: a typographic quote (“)"));
    }

    #[test]
    fn an_object_whose_only_mistake_are_typographic_quotes_is_taken_and_the_repair_named() {
        let seed = "{ “mailserver” : “smtp.yourdomain.com”,\n  “mailsender” : “linotp@yourdomain.com”\n}";
        check(seed).unwrap();
        let repaired = repair_quotes(seed).unwrap();
        let value: Value = serde_json::from_str(&repaired.text).unwrap();
        assert_eq!(value["mailsender"], "linotp@yourdomain.com");
        assert_eq!(
            repaired.note,
            "8 typographic quotes were read as the double quote (\") that JSON takes, the first (“) at line 1, column 3 \
             of the JSON: replace them"
        );
        check("{ \"mailuser\": \"somebody”, „mailto‟: “x\" }").unwrap();
    }

    #[test]
    fn what_is_json_or_has_another_mistake_is_not_repaired() {
        for text in [
            "{ \"body\": \"it's “quoted” text\" }",
            "{ “body”: \"it's “quoted” text\" }",
            "{ “body”: ‘x’ }",
            "{ “body”: “x”",
            "[ “x” ]",
            "{}",
            "",
        ] {
            assert!(repair_quotes(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_string_that_a_typographic_quote_left_open_is_explained() {
        let text = "{ \"mailuser\": \"somebody”, \"mailto\": \"x }";
        assert!(
            refusal(text).starts_with("line 1, column 24 of the JSON: a typographic quote (”)"),
            "{}",
            refusal(text)
        );
    }

    #[test]
    fn single_quotes_are_called_by_name_and_apostrophes_are_not_blamed() {
        assert!(
            refusal("{'URL': 'http://x'}").starts_with("line 1, column 2 of the JSON: a single quote (')")
        );
        assert_eq!(
            refusal("{\"body\": \"it's\" \"x\"}"),
            "line 1, column 17 of the JSON: expected `,` or `}`"
        );
    }

    #[test]
    fn other_mistakes_name_line_and_column() {
        assert_eq!(refusal("{\"a\": 1,\n}"), "line 2, column 1 of the JSON: trailing comma");
        assert_eq!(refusal("{\"a\": \"ü\" 1}"), "line 1, column 11 of the JSON: expected `,` or `}`");
        assert!(refusal("{\"a\": {").ends_with("of the JSON: the text ends before the object does"));
        assert_eq!(refusal(" "), "a JSON object {…} is expected, found nothing");
        assert_eq!(refusal("[]"), "a JSON object {…} is expected, found a list");
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        for (text, key) in [
            (r#"{"URL": "http://a/", "TIMEOUT": 3, "URL": "http://b/"}"#, "URL"),
            (r#"{"PARAMETER": {"from": "1", "to": null, "from": "1"}}"#, "PARAMETER.from"),
            (r#"{"BODY": {"messages": [{"x": 1.5}, {"to": -1, "to": true}]}}"#, "BODY.messages[1].to"),
            ("{ “mailto” : “a”, “mailto” : “b” }", "mailto"),
        ] {
            assert_eq!(
                refusal(text),
                format!("{key} stands twice in the JSON, and only one of them can count")
            );
        }
        check(r#"{"PARAMETER": {"from": "1"}, "HEADERS": {"from": "1"}}"#).unwrap();
    }

    #[test]
    fn a_refusal_never_repeats_the_text() {
        for text in [
            "{\"PASSWORD\": hunter2}",
            "{\"PASSWORD\": \"hunter2\" x",
            "{'PASSWORD': 'hunter2'}",
            "\"hunter2\"",
        ] {
            assert!(!refusal(text).contains("hunter2"), "{}", refusal(text));
        }
    }
}
