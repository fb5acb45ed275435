//! The short names that travel: job id, pool, reference.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// Why a name is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(&'static str);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<$name, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok($name(text.to_owned())) } else { Err(NameError($rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The id of a job and its dedupe key: the same id sent twice is one SMS. mtan itself makes UUIDs of version 7;
    /// others may use any 1 to 64 characters of `A-Z a-z 0-9 . _ ~ : -`.
    JobId,
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~:-".contains(&b)),
    "1 to 64 characters of A-Z a-z 0-9 . _ ~ : - are expected"
);

name!(
    /// A configured way out, served by a group of senders: 1 to 32 characters of `a-z 0-9 _ -`, a letter or digit first.
    Pool,
    |text| (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'),
    "1 to 32 characters of a-z 0-9 _ - are expected, a letter or digit first"
);

name!(
    /// The publisher's own words, up to 255 bytes; comes back in every report.
    Reference,
    |text| text.len() <= 255,
    "at most 255 bytes are expected"
);

impl JobId {
    /// A new id: UUID version 7, made from `at` and ten random bytes.
    pub fn new(at: Timestamp, random: [u8; 10]) -> JobId {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        JobId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string())
    }
}

impl Pool {
    /// The pool that the seed's three keys make.
    pub fn default_pool() -> Pool {
        Pool("default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_job_id_is_a_uuid_of_version_7_that_carries_its_time() {
        let id = JobId::new(Timestamp::from_millisecond(0x0193_9f0c_6d7e).unwrap(), [0xff; 10]);
        assert!(id.as_str().starts_with("01939f0c-6d7e-7"), "{id}");
        assert_eq!(id.as_str().len(), 36);
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn names_keep_to_their_alphabet() {
        for good in ["a", "job-1", "A.b_c~d:e", &"x".repeat(64)] {
            assert!(good.parse::<JobId>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "ü", "a/b", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
        for good in ["default", "backup_2", "0-a"] {
            assert!(good.parse::<Pool>().is_ok(), "{good}");
        }
        for bad in ["", "Default", "-a", "_a", "a.b", "a#", "*", &"x".repeat(33)] {
            assert!(bad.parse::<Pool>().is_err(), "{bad}");
        }
        assert!("é".repeat(127).parse::<Reference>().is_ok());
        assert!("é".repeat(128).parse::<Reference>().is_err());
    }
}
