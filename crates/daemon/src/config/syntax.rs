//! TOML text to a table, or what is wrong with the text: line and column, and never the text itself.

use super::error::{ConfigError, Fault};

/// The table, or every syntax error. `name` is how messages call the text.
pub(super) fn parse(text: &str, name: &str) -> Result<toml::Table, ConfigError> {
    let (_, mut errors) = toml::de::DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        return Err(ConfigError { faults: errors.iter().map(|error| fault(text, name, error)).collect() });
    }
    text.parse::<toml::Table>().map_err(|error| ConfigError { faults: vec![fault(text, name, &error)] })
}

fn fault(text: &str, name: &str, error: &toml::de::Error) -> Fault {
    let place = error.span().map(|span| position(text, span.start));
    let place = place.map_or_else(String::new, |(line, column)| format!(", line {line}, column {column}"));
    // `message` only: the error's Display repeats the line, and that may hold a secret
    Fault { key: format!("{name}{place}"), message: error.message().to_owned() }
}

/// Line and column of a byte, both from 1, in characters.
pub(crate) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = || text.char_indices().take_while(|(at, _)| *at < byte).map(|(_, c)| c);
    let line = before().filter(|c| *c == '\n').count() + 1;
    let column = before().fold(1, |column, c| if c == '\n' { 1 } else { column + 1 });
    (line, column)
}
