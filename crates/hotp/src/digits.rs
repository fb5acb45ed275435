//! How long a code is.

use std::fmt;

/// Digits of a code: 6, 7 or 8 (RFC 4226 §5.3: at least 6; 9 and more would not fit 31 bits evenly).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digits(u8);

/// Not a number of digits that a code may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("6, 7 or 8 digits are expected")]
pub struct DigitsError;

impl Digits {
    /// Takes 6, 7 and 8.
    pub fn new(digits: u8) -> Result<Digits, DigitsError> {
        if (6..=8).contains(&digits) { Ok(Digits(digits)) } else { Err(DigitsError) }
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Digits {
    /// 6, LinOTP's `DefaultOtpLen`.
    fn default() -> Digits {
        Digits(6)
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_six_to_eight_digits_make_a_code() {
        for digits in 0..=u8::MAX {
            assert_eq!(Digits::new(digits).is_ok(), matches!(digits, 6..=8), "{digits}");
        }
        assert_eq!(Digits::default().get(), 6);
    }
}
