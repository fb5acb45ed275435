//! Undoes the escapes in which an echo comes: percent-encoding, `\u0031` of JSON, `&#49;` of HTML.

use percent_encoding::percent_decode_str;

/// How often an echo may be encoded, one encoding around the other.
const MOST_ROUNDS: usize = 6;

/// `text` with all escapes undone; `None` for what is wrapped more often than anybody does by accident.
pub(super) fn undone(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..MOST_ROUNDS {
        let percent = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        let next = replaced(&replaced(&percent, &['\\', '%'], backslash), &['&'], entity);
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

/// An escape at the beginning of a text: what it stands for, and its length in bytes.
type Escape = Option<(char, usize)>;

fn replaced(text: &str, signs: &[char], escape: fn(&str) -> Escape) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(signs) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        // every sign is one byte long
        let (c, length) = escape(rest).unwrap_or_else(|| (char::from(rest.as_bytes()[0]), 1));
        plain.push(c);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// `\u0031`, `%u0031`, `\u{31}` and `\x31`; a half of a surrogate pair is no character and becomes a space.
fn backslash(text: &str) -> Escape {
    let (digits, width) = match text.get(1..2)? {
        "u" if text.get(2..3) == Some("{") => {
            let end = text.find('}').filter(|end| *end <= 10)?;
            return Some((numbered(text.get(3..end)?, 16)?, end + 1));
        }
        "u" | "U" => (text.get(2..6)?, 6),
        "x" | "X" if text.starts_with('\\') => (text.get(2..4)?, 4),
        "/" if text.starts_with('\\') => return Some(('/', 2)),
        _ => return None,
    };
    Some((numbered(digits, 16)?, width))
}

/// `&#49;`, `&#x31;`, each with or without the semicolon, and the names that hide other escapes.
fn entity(text: &str) -> Escape {
    for (name, c) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\'')] {
        if text.starts_with(name) {
            return Some((c, name.len()));
        }
    }
    let number = text.strip_prefix("&#")?;
    let (radix, digits) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (16, digits),
        None => (10, number),
    };
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let written = text.len() - digits.len() + length;
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some((numbered(&digits[..length], radix)?, written + semicolon))
}

fn numbered(digits: &str, radix: u32) -> Option<char> {
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(char::from_u32(u32::from_str_radix(digits, radix).ok()?).unwrap_or(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_escape_is_undone() {
        for (escaped, plain) in [
            ("%31%32", "12"),
            ("%2531%252532", "12"),
            (r"\u0031\u0032", "12"),
            (r"\\u0031", r"\1"),
            (r"\x31\u{32}%u0033", "123"),
            ("&#49;&#x32;&#51", "123"),
            ("&amp;#49;", "1"),
            ("%26%23%34%39%3B", "1"),
            ("50% &co; &#; \\ü \\u12 &#x;", "50% &co; &#; \\ü \\u12 &#x;"),
        ] {
            assert_eq!(undone(escaped).as_deref(), Some(plain), "{escaped}");
        }
        assert_eq!(undone(&format!("%{}31", "25".repeat(20))), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "([\\\\%&#xuU{};0-9a-fü]|.){0,60}") {
            undone(&text);
        }
    }
}
