//! Where a text is cut into the parts of a concatenated SMS.

use unicode_segmentation::UnicodeSegmentation;

use crate::text::Alphabet;

/// The octets of user data in one SMS, 3GPP TS 23.040 §9.2.3.24.
pub(crate) const USER_DATA_OCTETS: usize = 140;

/// Octets of the user data header that tells a part's place with a reference of 8 bit (§9.2.3.24.1).
pub(crate) const HEADER_OCTETS: usize = 6;

impl Alphabet {
    /// Units (septets, or UCS-2 code units) beside a user data header of so many octets, its length octet included; 0 if there is none.
    pub(crate) fn capacity(self, header_octets: usize) -> usize {
        let octets = USER_DATA_OCTETS - header_octets;
        match self {
            Alphabet::Gsm7 => octets * 8 / 7,
            Alphabet::Ucs2 => octets / 2,
        }
    }

    /// Units that a text of this alphabet takes.
    pub(crate) fn units(self, text: &str) -> usize {
        match self {
            Alphabet::Gsm7 => text.chars().map(|c| crate::gsm::septets(c).unwrap_or(1)).sum(),
            Alphabet::Ucs2 => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// The text whole if it fits into one SMS; else cut into parts that leave room for a header of `header_octets`.
///
/// A part never ends inside a character, nor inside what the reader sees as one (an emoji with its skin tone, a letter with its
/// accent): phones exist that show the parts one by one. Only what is longer than a part is cut between characters.
pub(crate) fn split(text: &str, alphabet: Alphabet, header_octets: usize) -> Vec<&str> {
    if alphabet.units(text) <= alphabet.capacity(0) {
        return vec![text];
    }
    let each = alphabet.capacity(header_octets);
    let (mut parts, mut start, mut end, mut filled) = (Vec::new(), 0, 0, 0);
    for piece in text.graphemes(true).flat_map(|seen| atoms(seen, alphabet, each)) {
        let units = alphabet.units(piece);
        if filled + units > each {
            parts.push(&text[start..end]);
            (start, filled) = (end, 0);
        }
        end += piece.len();
        filled += units;
    }
    parts.push(&text[start..]);
    parts
}

/// `seen` as a whole, or its characters if no part could hold it.
fn atoms(seen: &str, alphabet: Alphabet, each: usize) -> Vec<&str> {
    if alphabet.units(seen) <= each {
        return vec![seen];
    }
    seen.char_indices().map(|(at, c)| &seen[at..at + c.len_utf8()]).collect()
}
