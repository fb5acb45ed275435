//! How a gateway wants to see a number.

use std::fmt;
use std::str::FromStr;

use crate::PhoneNumber;

/// The ways to write a number: `+49170…`, `49170…`, `0049170…`, `0170…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberFormat {
    /// `e164`: plus, country code, subscriber.
    #[default]
    E164,
    /// `digits`: E.164 without the plus, an MSISDN.
    Digits,
    /// `00`: E.164 with 00 for the plus.
    DoubleZero,
    /// `national:49`: as people of that country write it. A number of another country stays international, as with `00`.
    National(CountryCode),
}

/// One to three digits that E.164 assigns: `49`, `1`, `423`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountryCode(u16);

/// The text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "e164 (+49170…), digits (49170…), 00 (0049170…) or national:<country code> (as in national:49: 0170…) is expected"
)]
pub struct NumberFormatError;

impl FromStr for NumberFormat {
    type Err = NumberFormatError;

    fn from_str(text: &str) -> Result<NumberFormat, NumberFormatError> {
        match text.to_ascii_lowercase().as_str() {
            "e164" => Ok(NumberFormat::E164),
            "digits" => Ok(NumberFormat::Digits),
            "00" => Ok(NumberFormat::DoubleZero),
            other => {
                let code = other.strip_prefix("national:").and_then(CountryCode::new);
                code.map(NumberFormat::National).ok_or(NumberFormatError)
            }
        }
    }
}

impl PhoneNumber {
    /// The whole number as `format` writes it: for a request, never for a log. With [`NumberFormat::National`] a number
    /// of another country comes out as with [`NumberFormat::DoubleZero`].
    pub fn formatted(&self, format: &NumberFormat) -> String {
        let digits = &self.expose()[1..];
        match format {
            NumberFormat::E164 => self.expose().to_owned(),
            NumberFormat::Digits => digits.to_owned(),
            NumberFormat::DoubleZero => format!("00{digits}"),
            NumberFormat::National(code) => match digits.strip_prefix(&code.to_string()) {
                Some(subscriber) => format!("{}{subscriber}", code.trunk_prefix()),
                None => format!("00{digits}"),
            },
        }
    }

    /// The number as people of its own country write it, with and without the trunk prefix; `None` if its country code is none.
    pub(crate) fn national_forms(&self) -> Option<[String; 2]> {
        let digits = &self.expose()[1..];
        let (code, subscriber) = digits.split_at_checked(length(digits)?)?;
        let prefix = CountryCode::new(code)?.trunk_prefix();
        Some([format!("{prefix}{subscriber}"), subscriber.to_owned()])
    }
}

impl CountryCode {
    /// `None` if it is none: E.164's codes are such that none begins another, which is how a number is read.
    fn new(text: &str) -> Option<CountryCode> {
        let number: u16 = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))?;
        (text.len() == length(text)?).then_some(CountryCode(number))
    }

    /// What people of the country write for its code. Numbers that have none are the national number as it is.
    fn trunk_prefix(self) -> &'static str {
        match self.0 {
            7 => "8",
            36 => "06",
            1 | 30 | 34 | 39 | 45 | 47 | 48 | 65 | 351 | 352 | 354 | 356 | 357 | 371 | 372 | 376 | 420
            | 852 | 853 => "",
            _ => "0",
        }
    }
}

/// How many digits the country code has with which `digits` begins; `None` if no code begins so.
fn length(digits: &str) -> Option<usize> {
    let first = |n: usize| digits.get(..n)?.parse::<u16>().ok();
    match (first(1)?, first(2)) {
        (0, _) => None,
        (1 | 7, _) => Some(1),
        (_, Some(20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66)) => Some(2),
        (_, Some(81 | 82 | 84 | 86 | 90..=95 | 98)) => Some(2),
        _ => Some(3),
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formatted(number: &str, format: &str) -> String {
        PhoneNumber::parse(number).unwrap().formatted(&format.parse().unwrap())
    }

    #[test]
    fn a_number_is_written_as_the_gateway_wants_it() {
        for (number, format, expected) in [
            ("+491701234567", "e164", "+491701234567"),
            ("+491701234567", "E164", "+491701234567"),
            ("+491701234567", "digits", "491701234567"),
            ("+491701234567", "00", "00491701234567"),
            ("+491701234567", "national:49", "01701234567"),
            ("+4366012345678", "national:49", "004366012345678"),
            ("+4237891234", "national:423", "07891234"),
            ("+34600123456", "national:34", "600123456"),
            ("+16502530000", "national:1", "6502530000"),
            ("+79161234567", "national:7", "89161234567"),
            ("+36201234567", "national:36", "06201234567"),
            ("+393331234567", "National:39", "3331234567"),
        ] {
            assert_eq!(formatted(number, format), expected, "{format}");
        }
    }

    #[test]
    fn what_is_no_format_says_what_is_one() {
        for text in [
            "",
            "+",
            "e.164",
            "national",
            "national:",
            "national:0",
            "national:4",
            "national:490",
            "national:+49",
            "national:49 ",
            "national:1234",
            "national:a",
            "national:０１",
            "0",
        ] {
            assert_eq!(text.parse::<NumberFormat>(), Err(NumberFormatError), "{text}");
        }
        assert!(NumberFormatError.to_string().contains("national:49"));
    }

    proptest! {
        #[test]
        fn no_number_loses_what_tells_it_from_others(digits in "[1-9][0-9]{6,14}", code in 1u16..999) {
            let number = PhoneNumber::parse(&format!("+{digits}")).unwrap();
            for format in ["e164", "digits", "00"] {
                let written = number.formatted(&format.parse().unwrap());
                prop_assert!(written.ends_with(&digits));
            }
            if let Some(code) = CountryCode::new(&code.to_string()) {
                let written = number.formatted(&NumberFormat::National(code));
                let subscriber = digits.strip_prefix(&code.to_string()).unwrap_or(&digits);
                prop_assert!(written.ends_with(subscriber));
            }
        }

        #[test]
        fn any_text_is_a_format_or_refused(text in "\\PC{0,20}") {
            drop(text.parse::<NumberFormat>());
        }
    }
}
