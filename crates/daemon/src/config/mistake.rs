//! The serde error of a section: where it is and what is expected there, in words that never hold the value.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::nearest::hint;

/// One mistake, on its way up to the section.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The key, once known; the innermost place wins.
    pub(super) place: Option<Place>,
    pub(super) what: What,
}

/// The key in full, and where its value comes from if not from the configuration file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) origin: Option<String>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum What {
    /// A key without a default is not there.
    Missing(&'static str),
    /// Our own words: they hold no value.
    Known(String),
    /// Words of a foreign `Deserialize`: they may repeat the value.
    Foreign(String),
}

impl Mistake {
    pub(super) fn known(message: impl Into<String>) -> Mistake {
        Mistake { place: None, what: What::Known(message.into()) }
    }

    /// Something of the wrong kind stands there.
    pub(super) fn found(kind: &str, expected: &dyn Expected) -> Mistake {
        Mistake::known(format!("{} is expected, found {kind}", wanted(expected)))
    }

    /// At `place`, unless a place further in is known; words that repeat one of `values` are replaced.
    pub(super) fn at(mut self, place: &Place, values: &[String]) -> Mistake {
        if self.place.is_none() {
            self.place = Some(place.clone());
            if let What::Foreign(words) = &self.what {
                let leaks = values.iter().any(|value| repeats(words, value));
                self.what =
                    What::Known(if leaks { "this value is not accepted".to_owned() } else { words.clone() });
            }
        }
        self
    }
}

/// Whether `words` hold `value`: anywhere, or as a word of its own when it is short.
fn repeats(words: &str, value: &str) -> bool {
    let stands_alone = |at: usize| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(words[..at].chars().next_back()) && !letter(words[at + value.len()..].chars().next())
    };
    !value.is_empty() && words.match_indices(value).any(|(at, _)| value.len() >= 4 || stands_alone(at))
}

impl Error for Mistake {
    fn custom<T: fmt::Display>(words: T) -> Mistake {
        Mistake { place: None, what: What::Foreign(words.to_string()) }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Mistake {
        Mistake::found(kind(&found), expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Mistake {
        match found {
            Unexpected::Signed(number) if number < 0 => Mistake::found("a negative number", expected),
            _ => Mistake::known(format!("{} is expected", wanted(expected))),
        }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Mistake {
        Mistake::known(format!("{} is expected, found {length} elements", wanted(expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Mistake {
        let near = hint(variant, expected.iter().copied());
        Mistake::known(format!("one of {} is expected{near}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Mistake {
        let near = hint(field, expected.iter().copied());
        Mistake::known(format!("no such key{near}"))
    }

    fn missing_field(field: &'static str) -> Mistake {
        Mistake { place: None, what: What::Missing(field) }
    }

    fn duplicate_field(field: &'static str) -> Mistake {
        Mistake::known(format!("{field} is given twice, under two names"))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Missing(field) => write!(f, "{field} is missing"),
            What::Known(words) | What::Foreign(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Mistake {}

/// serde names Rust types; people name what they write.
fn wanted(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match words.as_str() {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "u128" | "usize" => "a whole number, zero or more,".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        _ if words.starts_with("struct ") => "a table".to_owned(),
        _ if words.starts_with("enum ") || words.starts_with("variant ") => "a name".to_owned(),
        _ => words,
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Seq => "a list",
        Unexpected::Map | Unexpected::StructVariant => "a table",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_that_repeat_a_value_are_replaced() {
        let place = Place { path: "a.b".to_owned(), origin: None };
        let words =
            |words: &str, value: &str| Mistake::custom(words).at(&place, &[value.to_owned()]).to_string();
        assert_eq!(words("cannot read `hunter2`", "hunter2"), "this value is not accepted");
        assert_eq!(words("bad number 12", "12"), "this value is not accepted");
        assert_eq!(words("a string of 120 letters", "12"), "a string of 120 letters");
        assert_eq!(words("too short", "x"), "too short");
    }
}
