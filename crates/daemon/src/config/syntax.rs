//! TOML text to a table, or what is wrong with the text: line and column, and never the text itself.

use super::error::{ConfigError, Fault};

/// The table, or every syntax error. `name` is how messages call the text.
pub(super) fn parse(text: &str, name: &str) -> Result<toml::Table, ConfigError> {
    let (_, mut errors) = toml::de::DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        return Err(ConfigError { faults: faults(text, name, &errors) });
    }
    text.parse::<toml::Table>().map_err(|error| ConfigError { faults: vec![fault(text, name, &error)] })
}

/// What people get wrong most: how JSON is quoted in TOML. One sentence takes the place of what follows from it.
const QUOTING: &str =
    "; the JSON of SMSProviderConfig goes between three single quotes: SMSProviderConfig = '''{…}'''";

/// A fault for each of `errors`, which are in the order of the text; of those in one SMSProviderConfig the first only.
fn faults(text: &str, name: &str, errors: &[toml::de::Error]) -> Vec<Fault> {
    let (mut faults, mut explained) = (Vec::new(), None);
    for error in errors {
        let json = error.span().and_then(|span| provider_config_around(text, span.start));
        if json.is_some() && json == explained {
            continue;
        }
        let mut fault = fault(text, name, error);
        if json.is_some() {
            fault.message.push_str(QUOTING);
            explained = json;
        }
        faults.push(fault);
    }
    faults
}

/// The line, counted from 0, whose SMSProviderConfig the place belongs to; `None` in the value of another key.
fn provider_config_around(text: &str, byte: usize) -> Option<usize> {
    let line = text.bytes().take(byte).filter(|b| *b == b'\n').count();
    let begins_anew =
        |line: &str| line.starts_with('[') || line.split_once('=').is_some_and(|(key, _)| is_key(key));
    let lines: Vec<&str> = text.lines().map(str::trim).take(line + 1).collect();
    let at = lines.iter().rposition(|line| begins_anew(line))?;
    lines[at].starts_with("SMSProviderConfig").then_some(at)
}

fn is_key(text: &str) -> bool {
    let key = text.trim();
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let faults = parse(text, "mtan.toml").unwrap_err().faults;
        faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
    }

    #[test]
    fn json_that_is_quoted_wrongly_is_one_mistake_with_its_remedy() {
        for value in [
            r#"{"URL": "http://gw/", "PARAMETER": {"a": "b"}}"#,
            r#""{"URL": "http://gw/"}""#,
            r#"'{"URL": "http://gw/""#,
            r#""{ "#,
            "“{}”",
            "\"{\n\"URL\": 1}\"",
        ] {
            let found = messages(&format!("[sms]\nSMSProviderConfig = {value}\nmax_in_flight = 3\n"));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("mtan.toml, line 2, column "), "{found:?}");
            assert!(found[0].ends_with("SMSProviderConfig = '''{…}'''"), "{found:?}");
        }
    }

    #[test]
    fn other_mistakes_are_told_each_without_that() {
        let found = messages("[sms]\nSMSProvider = x y\nSMSProviderConfig = '''{}'''\nburst = = 3\n");
        assert!(found.len() >= 2 && found.iter().all(|line| !line.contains("three single")), "{found:?}");
    }
}
