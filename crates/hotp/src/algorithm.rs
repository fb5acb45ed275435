//! The hash under the HMAC.

use std::fmt;
use std::str::FromStr;

/// Hash function of the HMAC. LinOTP's `hashlib`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// HMAC-SHA-1, the one of RFC 4226.
    #[default]
    Sha1,
    /// HMAC-SHA-256 (RFC 6238 §1.2).
    Sha256,
    /// HMAC-SHA-512 (RFC 6238 §1.2).
    Sha512,
}

/// The name is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sha1, sha256 or sha512 is expected")]
pub struct AlgorithmError;

impl Algorithm {
    /// Bytes of a new secret: the length of the hash, as RFC 4226 R6 recommends (160 bits) and RFC 6238 §5.1 extends.
    pub fn secret_length(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// `sha1`, `sha256`, `sha512`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    /// Any case, as LinOTP takes it.
    fn from_str(text: &str) -> Result<Algorithm, AlgorithmError> {
        let all = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
        all.into_iter().find(|a| a.as_str().eq_ignore_ascii_case(text)).ok_or(AlgorithmError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_any_case_and_others_are_refused() {
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(algorithm.to_string().to_uppercase().parse(), Ok(algorithm));
        }
        for other in ["", "md5", "sha-1", "sha224"] {
            assert_eq!(other.parse::<Algorithm>(), Err(AlgorithmError), "{other}");
        }
    }
}
