//! The GSM 7-bit default alphabet and its extension table, 3GPP TS 23.038 §6.2.1.

/// The 128 characters of the default alphabet in the order of their codes; 0x1B is the escape to the extension table.
const DEFAULT: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Characters that take the escape and one more septet, with the code of the latter.
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

/// The code that leads to the extension table.
pub(crate) const ESCAPE: u8 = 0x1b;

/// Septets that `c` takes, or `None` if the alphabet does not have it.
pub(crate) fn septets(c: char) -> Option<usize> {
    match place(c)? {
        Place::Default(_) => Some(1),
        Place::Extension(_) => Some(2),
    }
}

/// The septets of `text`; a character that the alphabet does not have becomes `?`.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let mut septets = Vec::with_capacity(text.len());
    for c in text.chars() {
        match place(c) {
            Some(Place::Default(code)) => septets.push(code),
            Some(Place::Extension(code)) => septets.extend([ESCAPE, code]),
            None => septets.push(b'?'),
        }
    }
    septets
}

/// The text of septets. As TS 23.038 §6.2.1.1 wants it, a code that the extension table does not have shows as the character of
/// the default alphabet, and an escape that leads nowhere as a blank.
pub(crate) fn decode(septets: impl IntoIterator<Item = u8>) -> String {
    let mut septets = septets.into_iter();
    let mut text = String::new();
    while let Some(code) = septets.next() {
        text.push(match code {
            ESCAPE => septets.next().map_or(' ', extended),
            code => plain(code),
        });
    }
    text
}

enum Place {
    Default(u8),
    Extension(u8),
}

fn place(c: char) -> Option<Place> {
    if c == char::from(ESCAPE) {
        return None;
    }
    // Letters, digits and most signs have the code of ASCII: no search for those.
    if c.is_ascii_alphanumeric() || matches!(c, ' '..='#' | '%'..='?') {
        return u8::try_from(c).ok().map(Place::Default);
    }
    let default = DEFAULT.chars().position(|other| other == c).and_then(|code| u8::try_from(code).ok());
    default
        .map(Place::Default)
        .or_else(|| EXTENSION.iter().find(|(other, _)| *other == c).map(|(_, code)| Place::Extension(*code)))
}

fn plain(code: u8) -> char {
    match code & 0x7f {
        ESCAPE => ' ',
        code => DEFAULT.chars().nth(code.into()).unwrap_or(' '),
    }
}

fn extended(code: u8) -> char {
    let found = EXTENSION.iter().find(|(_, other)| *other == code & 0x7f);
    found.map_or_else(|| plain(code), |(c, _)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_alphabet_has_128_places_in_their_order() {
        let table: Vec<char> = DEFAULT.chars().collect();
        assert_eq!(table.len(), 128);
        for (code, c) in [
            (0x00, '@'),
            (0x02, '$'),
            (0x0a, '\n'),
            (0x10, 'Δ'),
            (0x1b, '\u{1b}'),
            (0x20, ' '),
            (0x30, '0'),
            (0x40, '¡'),
            (0x41, 'A'),
            (0x5a, 'Z'),
            (0x5f, '§'),
            (0x60, '¿'),
            (0x61, 'a'),
            (0x7a, 'z'),
            (0x7f, 'à'),
        ] {
            assert_eq!(table[code], c, "{code:#04x}");
        }
    }

    #[test]
    fn extension_characters_take_two_septets_and_strangers_none() {
        for c in "€[]{}~^|\\\u{c}".chars() {
            assert_eq!(septets(c), Some(2), "{c:?}");
        }
        for c in "çáíÁ\u{1b}\t`’“😀Ж".chars() {
            assert_eq!(septets(c), None, "{c:?}");
        }
        assert_eq!(septets('Ç'), Some(1), "the capital is in the table, the small letter is not");
    }
}
