//! A phone number in the international form.

use std::fmt;

/// Digits after the `+`: E.164 allows 15; the shortest numbers in use have 7 (country code and subscriber).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Visual separators that people write between digits; they mean nothing.
const SEPARATORS: &[char] = &[' ', '\u{a0}', '-', '.', '/', '(', ')'];

/// An E.164 number. `Display` and `Debug` show it masked: `+49…67`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// Why a text is no phone number. Never shows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberError {
    /// It begins neither with `+` nor with `00`: nobody knows which country is meant.
    #[error("a number in the international form is expected, beginning with + or 00 and the country code")]
    NotInternational,
    /// The country code begins with 0, which no country's does.
    #[error("a country code is expected after + or 00; none begins with 0")]
    CountryCode,
    /// There is something else than digits and separators.
    #[error("only digits and separators are expected after the + or 00")]
    Character,
    /// Too few or too many digits.
    #[error("7 to 15 digits are expected with the country code (E.164), found {0}")]
    Length(usize),
}

impl PhoneNumber {
    /// Takes `+49 170 1234567`, `0049170/1234567`, `+49 (170) 123-4567`. Anything that is not certain is refused: a national number
    /// belongs to no country yet, and `+49 (0)170` has a zero too many.
    pub fn parse(text: &str) -> Result<PhoneNumber, PhoneNumberError> {
        let text = text.trim();
        let rest = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
        let rest = rest.ok_or(PhoneNumberError::NotInternational)?;
        let digits: String = rest.chars().filter(|c| !SEPARATORS.contains(c)).collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) || rest.contains("(0)") {
            return Err(PhoneNumberError::Character);
        }
        if digits.starts_with('0') {
            return Err(PhoneNumberError::CountryCode);
        }
        if !DIGITS.contains(&digits.len()) {
            return Err(PhoneNumberError::Length(digits.len()));
        }
        Ok(PhoneNumber(format!("+{digits}")))
    }

    /// The whole number: `+` and 7 to 15 digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…{}", &self.0[..3], &self.0[self.0.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_becomes_e_164() {
        for text in [
            "+491701234567",
            "00491701234567",
            " +49 170 1234567 ",
            "+49 (170) 123-45.67",
            "0049/170/1234567",
        ] {
            assert_eq!(PhoneNumber::parse(text).unwrap().expose(), "+491701234567", "{text}");
        }
        assert!(PhoneNumber::parse("+6834000").is_ok(), "Niue");
        assert!(PhoneNumber::parse("+123456789012345").is_ok(), "15 digits");
    }

    #[test]
    fn what_is_not_certain_is_refused() {
        use PhoneNumberError as E;
        for (text, error) in [
            ("", E::NotInternational),
            ("01701234567", E::NotInternational),
            ("491701234567", E::NotInternational),
            ("+", E::Length(0)),
            ("+0491701234", E::CountryCode),
            ("0000491701234", E::CountryCode),
            ("+49 (0)170 1234567", E::Character),
            ("+49170123456x", E::Character),
            ("+49170\r\n1234567", E::Character),
            ("+49+1701234567", E::Character),
            ("+４９1701234567", E::Character),
            ("+123456", E::Length(6)),
            ("+1234567890123456", E::Length(16)),
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_number_prints_masked() {
        let number = PhoneNumber::parse("+491701234567").unwrap();
        assert_eq!(format!("{number} {number:?}"), "+49…67 +49…67");
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_refused_and_a_number_parses_to_itself(text in "\\PC{0,30}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                prop_assert_eq!(PhoneNumber::parse(number.expose()).unwrap(), number);
            }
        }
    }
}
