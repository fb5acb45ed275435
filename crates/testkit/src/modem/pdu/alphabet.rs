//! 3GPP TS 23.038: the default alphabet with its extension table, and the packing of septets.

/// The default alphabet, one line for each column of §6.2.1; 0x1B, the escape, is U+001B.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// §6.2.1.1: what follows an escape.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// What a phone shows for these septets. An escape with nothing or nonsense behind it, which a phone shows as a
/// space or swallows, is U+FFFD here so that a text cut in the wrong place is seen.
pub(in crate::modem) fn from_septets(septets: &[u8]) -> String {
    let mut text = String::new();
    let mut septets = septets.iter();
    while let Some(septet) = septets.next() {
        text.push(match septet {
            0x1b => septets.next().map_or('\u{fffd}', |next| extended(*next)),
            other => DEFAULT[usize::from(other & 0x7f)],
        });
    }
    text
}

fn extended(septet: u8) -> char {
    EXTENSION.iter().find(|(code, _)| *code == septet).map_or('\u{fffd}', |(_, shown)| *shown)
}

/// The septets of a text, or the first character that the alphabet does not have.
pub(in crate::modem) fn to_septets(text: &str) -> Result<Vec<u8>, char> {
    let mut septets = Vec::new();
    for character in text.chars() {
        if let Some(place) = DEFAULT.iter().position(|own| *own == character) {
            septets.push(u8::try_from(place).map_err(|_| character)?);
        } else {
            let (code, _) = EXTENSION.iter().find(|(_, own)| *own == character).ok_or(character)?;
            septets.extend([0x1b, *code]);
        }
    }
    Ok(septets)
}

/// `count` septets out of packed octets, from septet `first` on. §6.1.2.1: the first septet is in the low bits.
pub(in crate::modem) fn unpacked(octets: &[u8], first: usize, count: usize) -> Vec<u8> {
    let bit = |at: usize| octets.get(at / 8).map_or(0, |octet| octet >> (at % 8) & 1);
    (first..first + count).map(|septet| (0..7).map(|place| bit(septet * 7 + place) << place).sum()).collect()
}

/// The reverse of [`unpacked`], the last octet filled up with zeros.
pub(in crate::modem) fn packed(septets: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; (septets.len() * 7).div_ceil(8)];
    for (number, septet) in septets.iter().enumerate() {
        for place in 0..7 {
            let at = number * 7 + place;
            octets[at / 8] |= (septet >> place & 1) << (at % 8);
        }
    }
    octets
}

/// UTF-16BE; half a surrogate pair and an odd octet are U+FFFD.
pub(in crate::modem) fn from_ucs2(octets: &[u8]) -> String {
    let (units, rest) = octets.as_chunks::<2>();
    let units: Vec<_> = units.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16_lossy(&units) + if rest.is_empty() { "" } else { "\u{fffd}" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn septets_are_packed_as_in_the_examples_of_the_standard() {
        // "hellohello" is the example of every text on TS 23.038 §6.1.2
        let septets = to_septets("hellohello").unwrap();
        assert_eq!(packed(&septets), [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37]);
        assert_eq!(unpacked(&packed(&septets), 0, 10), septets);
        assert_eq!(packed(&[]), [0_u8; 0]);
    }

    #[test]
    fn every_character_of_the_alphabet_comes_back() {
        let text = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€\u{c}";
        assert_eq!(from_septets(&to_septets(text).unwrap()), text);
        assert_eq!(to_septets("a😀"), Err('😀'));
        assert_eq!(to_septets("€").unwrap(), [0x1b, 0x65]);
    }

    #[test]
    fn a_text_that_was_cut_in_the_wrong_place_shows() {
        assert_eq!(from_septets(&[0x61, 0x1b]), "a\u{fffd}");
        assert_eq!(from_ucs2(&[0x00, 0x61, 0xd8, 0x3d]), "a\u{fffd}");
        assert_eq!(from_ucs2(&[0xd8, 0x3d, 0xde, 0x00, 0x00]), "😀\u{fffd}");
    }
}
