//! A command line taken apart, ITU-T V.250 §5.3.

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// `+CREG`, `E`, `&F`, upper case.
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Do,
    Read,
    Test,
    /// The parameters without their quotes; a missing one is empty.
    Set(Vec<String>),
}

impl Command {
    /// The parameter at that place, empty when it is not there.
    pub(super) fn parameter(&self, place: usize) -> &str {
        match &self.kind {
            Kind::Set(parameters) => parameters.get(place).map_or("", String::as_str),
            _ => "",
        }
    }

    /// The parameter as a number.
    pub(super) fn number(&self, place: usize) -> Option<u8> {
        self.parameter(place).trim().parse().ok()
    }
}

/// The commands behind `AT`; `None` when it is no command line at all. What stands before the `AT` is line noise.
pub(super) fn commands(line: &str) -> Option<Vec<Command>> {
    let start = line.to_ascii_uppercase().find("AT")?;
    let body = line.get(start + 2..)?;
    Some(pieces(body, ';').into_iter().flat_map(|piece| piece_commands(piece.trim())).collect())
}

fn piece_commands(mut piece: &str) -> Vec<Command> {
    let mut found = Vec::new();
    while let Some(first) = piece.chars().next() {
        if !first.is_ascii_alphabetic() && first != '&' {
            found.push(extended(piece));
            break;
        }
        let (command, rest) = basic(piece);
        found.push(command);
        piece = rest.trim_start();
    }
    found
}

/// A letter, with `&` before it or digits behind it; `S0=0` is one too.
fn basic(piece: &str) -> (Command, &str) {
    let letter = usize::from(piece.starts_with('&'));
    let name_end = (letter + 1).min(piece.len());
    let is_value = |character: char| character.is_ascii_digit() || matches!(character, '=' | '?');
    let value_end = piece[name_end..].find(|c| !is_value(c)).map_or(piece.len(), |at| name_end + at);
    let name = piece[..name_end].to_ascii_uppercase();
    let value = &piece[name_end..value_end];
    let kind = if value.is_empty() { Kind::Do } else { Kind::Set(vec![value.to_owned()]) };
    (Command { name, kind }, &piece[value_end..])
}

fn extended(piece: &str) -> Command {
    let end = piece.find(['=', '?']).unwrap_or(piece.len());
    let kind = match &piece[end..] {
        "" => Kind::Do,
        "=?" => Kind::Test,
        rest if rest.starts_with('?') => Kind::Read,
        rest => Kind::Set(pieces(&rest[1..], ',').into_iter().map(unquoted).collect()),
    };
    Command { name: piece[..end].trim().to_ascii_uppercase(), kind }
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

/// Split outside of quotes.
fn pieces(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|character| {
        quoted ^= character == '"';
        character == at && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, parameters: &[&str]) -> Command {
        let parameters = parameters.iter().map(|text| (*text).to_owned()).collect();
        Command { name: name.to_owned(), kind: Kind::Set(parameters) }
    }

    #[test]
    fn a_line_is_taken_apart() {
        let plain = |name: &str, kind| Command { name: name.to_owned(), kind };
        assert_eq!(commands("hello"), None);
        assert_eq!(commands("AT"), Some(vec![]));
        assert_eq!(commands("\u{1b}?at"), Some(vec![]));
        assert_eq!(commands("ATE0V1"), Some(vec![set("E", &["0"]), set("V", &["1"])]));
        assert_eq!(commands("at&f"), Some(vec![plain("&F", Kind::Do)]));
        assert_eq!(commands("ATE0+CMEE=1;+CREG?"), {
            Some(vec![set("E", &["0"]), set("+CMEE", &["1"]), plain("+CREG", Kind::Read)])
        });
        assert_eq!(commands("AT+CNMI=?"), Some(vec![plain("+CNMI", Kind::Test)]));
        assert_eq!(commands("AT+CUSD=1,\"*1,0;#\",15"), Some(vec![set("+CUSD", &["1", "*1,0;#", "15"])]));
    }
}
