//! The GSM 7-bit default alphabet and its extension table, 3GPP TS 23.038 §6.2.1.

/// The 128 characters of the default alphabet in the order of their codes; 0x1B is the escape to the extension table.
const DEFAULT: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Characters that take the escape and one more septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Septets that `c` takes, or `None` if the alphabet does not have it.
pub(crate) fn septets(c: char) -> Option<usize> {
    match c {
        '\u{1b}' => None,
        c if DEFAULT.contains(c) => Some(1),
        c if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
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
