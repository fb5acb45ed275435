//! A text that fits into an SMS, and into how many.

use std::fmt;

use crate::gsm;
use crate::split::{HEADER_OCTETS, split};

/// The most segments that a text may take; a longer one is a mistake, and costs money.
pub const MAX_SEGMENTS: u8 = 10;

/// How the characters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 §6.2.1).
    Gsm7,
    /// UCS-2; characters beyond the BMP as UTF-16 surrogate pairs, as phones take them.
    Ucs2,
}

/// The text of an SMS: 1 to [`MAX_SEGMENTS`] segments. `Debug` shows its size only.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsText {
    text: String,
    alphabet: Alphabet,
    segments: u8,
}

/// Why a text is no SMS. Never shows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmsTextError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// It has a control character other than line feed, carriage return and form feed.
    #[error("the text has a control character that no phone shows")]
    Control,
    /// It takes more than [`MAX_SEGMENTS`].
    #[error("the text takes more than 10 SMS segments")]
    TooLong,
}

impl SmsText {
    /// Takes a text that is not empty, has no control characters but line ends, and fits into [`MAX_SEGMENTS`] segments.
    pub fn new(text: impl Into<String>) -> Result<SmsText, SmsTextError> {
        let text = text.into();
        if text.is_empty() {
            return Err(SmsTextError::Empty);
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\u{c}')) {
            return Err(SmsTextError::Control);
        }
        let gsm7 = text.chars().all(|c| gsm::septets(c).is_some());
        let alphabet = if gsm7 { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
        let segments = segments(&text, alphabet).ok_or(SmsTextError::TooLong)?;
        Ok(SmsText { text, alphabet, segments })
    }

    /// The text in clear.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// How it travels.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// How many SMS it takes: 1 to [`MAX_SEGMENTS`], with a reference of 8 bit as everybody sends it. A reference of 16 bit takes
    /// an octet more of each, and so now and then one SMS more.
    pub fn segments(&self) -> u8 {
        self.segments
    }
}

impl fmt::Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsText({:?}, {} segments)", self.alphabet, self.segments)
    }
}

/// `None` if more than [`MAX_SEGMENTS`] are needed.
fn segments(text: &str, alphabet: Alphabet) -> Option<u8> {
    // A text that is far too long is not even cut.
    let most = usize::from(MAX_SEGMENTS) * alphabet.capacity(HEADER_OCTETS);
    let parts = (alphabet.units(text) <= most).then(|| split(text, alphabet, HEADER_OCTETS).len())?;
    u8::try_from(parts).ok().filter(|parts| *parts <= MAX_SEGMENTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(text: &str) -> (Alphabet, u8) {
        let text = SmsText::new(text).unwrap();
        (text.alphabet(), text.segments())
    }

    #[test]
    fn segments_are_counted_as_3gpp_ts_23_040_has_them() {
        use Alphabet::{Gsm7, Ucs2};
        for (text, expected) in [
            ("a".repeat(160), (Gsm7, 1)),
            ("a".repeat(161), (Gsm7, 2)),
            ("a".repeat(306), (Gsm7, 2)),
            ("a".repeat(307), (Gsm7, 3)),
            ("€".repeat(80), (Gsm7, 1)),
            ("€".repeat(81), (Gsm7, 2)),
            ("ж".repeat(70), (Ucs2, 1)),
            ("ж".repeat(71), (Ucs2, 2)),
            ("😀".repeat(35), (Ucs2, 1)),
            ("😀".repeat(36), (Ucs2, 2)),
            ("é".repeat(160), (Gsm7, 1)),
            ("ê".repeat(70), (Ucs2, 1)),
        ] {
            assert_eq!(count(&text), expected, "{} times {:?}", text.chars().count(), text.chars().next());
        }
    }

    #[test]
    fn no_escape_and_no_surrogate_pair_is_cut_in_two() {
        // 152 + 2 septets: the euro sign moves to the second segment as a whole, so 153 more no longer fit there.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(text.len() - "€".len() + 2, 306);
        assert_eq!(count(&text).1, 3);
        // 33 pairs are 66 units of 67; the next pair does not fit into the one left.
        assert_eq!(count(&"😀".repeat(66)).1, 2);
        assert_eq!(count(&"😀".repeat(67)).1, 3);
    }

    #[test]
    fn ten_segments_are_the_most() {
        assert_eq!(count(&"a".repeat(1530)).1, 10);
        assert_eq!(SmsText::new("a".repeat(1531)), Err(SmsTextError::TooLong));
        assert_eq!(count(&"ж".repeat(670)).1, 10);
        assert_eq!(SmsText::new("ж".repeat(671)), Err(SmsTextError::TooLong));
    }

    #[test]
    fn empty_texts_and_control_characters_are_refused() {
        assert_eq!(SmsText::new(""), Err(SmsTextError::Empty));
        for c in ['\0', '\u{1b}', '\u{1a}', '\t', '\u{7f}', '\u{85}'] {
            assert_eq!(SmsText::new(format!("a{c}b")), Err(SmsTextError::Control), "{c:?}");
        }
        assert!(SmsText::new("two\r\nlines").is_ok());
    }

    #[test]
    fn a_text_never_prints() {
        assert_eq!(
            format!("{:?}", SmsText::new("Your code is 123456").unwrap()),
            "SmsText(Gsm7, 1 segments)"
        );
    }

    proptest! {
        #[test]
        fn segments_lie_between_the_even_split_and_one_unit_lost_per_segment(text in "[a€ж😀]{1,400}") {
            let Ok(text) = SmsText::new(text) else { return Ok(()) };
            let alphabet = text.alphabet();
            let units = alphabet.units(text.expose());
            let (alone, each) = if alphabet == Alphabet::Gsm7 { (160, 153) } else { (70, 67) };
            if units <= alone {
                prop_assert_eq!(text.segments(), 1);
            } else {
                let count = usize::from(text.segments());
                prop_assert!(count >= units.div_ceil(each));
                prop_assert!(count <= units.div_ceil(each - 1));
            }
        }
    }
}
