//! The text of `SMSProviderConfig`, and why it is no JSON object.

use serde_json::{Map, Value};

/// The object in `text`, its typographic quotes repaired if nothing else is wrong. An error never repeats the text.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, String> {
    let repaired = mtan_daemon::repair_quotes(text);
    match serde_json::from_str(repaired.as_ref().map_or(text, |repaired| &repaired.text)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("a JSON object {…} is expected".to_owned()),
        Err(e) => Err(format!("no JSON at line {} column {}{}", e.line(), e.column(), quotes(text))),
    }
}

/// The usual reason why a pasted text is no JSON.
fn quotes(text: &str) -> &'static str {
    if text.contains(['“', '”', '„', '‟', '″', '‘', '’']) {
        ": typographic quotes (“ ”) stand where JSON takes the double quote (\") only"
    } else if text.trim_start().trim_start_matches('{').trim_start().starts_with('\'') {
        ": single quotes (') stand where JSON takes the double quote (\") only"
    } else {
        ""
    }
}
