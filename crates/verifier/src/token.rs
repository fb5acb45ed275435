//! An SMS token: whose it is, where its codes go, and how they are made.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_seal::{OpenError, ServerKey};
use mtan_sms::PhoneNumber;

use crate::{PinHash, Random};

/// The name of a token: 1 to 40 characters of `A-Z a-z 0-9 _ -`. mtan's own begin with `LSSM`, as LinOTP's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(String);

/// Whose token it is: a name in a realm. Compared byte for byte; realms are lower-case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserRef {
    user: String,
    realm: String,
}

/// Why something is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The serial has other characters than allowed.
    #[error("serial: 1 to 40 characters of A-Z a-z 0-9 _ - are expected")]
    Serial,
    /// The user or realm is empty, too long or has control characters.
    #[error("user and realm: 1 to 255 characters without control characters are expected")]
    User,
}

impl Serial {
    /// A new serial: `LSSM` and eight hexadecimal digits.
    pub fn new(random: &dyn Random) -> Serial {
        Serial::beginning("LSSM", random).expect("four letters and eight digits")
    }

    /// A new serial: `prefix` and eight hexadecimal digits.
    pub fn beginning(prefix: &str, random: &dyn Random) -> Result<Serial, TokenError> {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        format!("{prefix}{}", data_encoding::HEXUPPER.encode(&bytes)).parse()
    }

    /// The serial as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Serial {
    type Err = TokenError;
    fn from_str(text: &str) -> Result<Serial, TokenError> {
        let valid = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if valid { Ok(Serial(text.to_owned())) } else { Err(TokenError::Serial) }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl UserRef {
    /// `user` in `realm`; the realm is lower-cased.
    pub fn new(user: &str, realm: &str) -> Result<UserRef, TokenError> {
        let valid = |text: &str| {
            !text.is_empty() && text.chars().count() <= 255 && !text.chars().any(char::is_control)
        };
        if !valid(user) || !valid(realm) {
            return Err(TokenError::User);
        }
        Ok(UserRef { user: user.to_owned(), realm: realm.to_lowercase() })
    }

    /// The name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The realm, lower-case.
    pub fn realm(&self) -> &str {
        &self.realm
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.realm)
    }
}

/// A token as the store keeps it.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name.
    pub serial: Serial,
    /// Its owner, if it has one.
    pub user: Option<UserRef>,
    /// Where its codes go.
    pub phone: PhoneNumber,
    /// The operator's own words.
    pub description: String,
    /// How its codes are made.
    pub algorithm: Algorithm,
    /// How long its codes are.
    pub digits: Digits,
    /// What is kept of its PIN. A PIN-less token keeps the digest of the empty PIN.
    pub pin: PinHash,
    /// Its secret, sealed.
    pub secret: SealedSecret,
    /// Tries without success that lock it.
    pub max_fail: u32,
    /// The counter of the last code that was made; the next one is made with the next counter (RFC 4226 §7.2).
    pub counter: u64,
    /// Tries since the last success.
    pub fail_count: u32,
    /// Whether it may be used at all.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Token {
    /// Whether tries are used up.
    pub fn is_locked(&self) -> bool {
        self.fail_count >= self.max_fail
    }
}

/// A token's secret under the server key, bound to its serial. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(Vec<u8>);

impl SealedSecret {
    /// Seals `secret` for the token `serial`.
    pub fn seal(key: &ServerKey, serial: &Serial, secret: &Secret) -> SealedSecret {
        SealedSecret(key.seal(&place(serial), secret.expose()))
    }

    /// The secret, for minting one code.
    pub fn open(&self, key: &ServerKey, serial: &Serial) -> Result<Secret, OpenError> {
        let bytes = key.open(&place(serial), &self.0)?;
        Secret::new(bytes.to_vec()).map_err(|_| OpenError)
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it was stored.
    pub fn from_bytes(bytes: Vec<u8>) -> SealedSecret {
        SealedSecret(bytes)
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret({} bytes)", self.0.len())
    }
}

fn place(serial: &Serial) -> String {
    format!("token/{serial}")
}

/// What an administrator says of a new token; everything else has a default.
#[derive(Debug)]
pub struct NewToken {
    /// A serial of the administrator's own; else a new one is made.
    pub serial: Option<Serial>,
    /// Its owner.
    pub user: Option<UserRef>,
    /// Where its codes go.
    pub phone: PhoneNumber,
    /// Its PIN; the empty one makes a PIN-less token.
    pub pin: crate::Pin,
    /// A secret of the administrator's own; else a random one of the algorithm's length is made.
    pub secret: Option<Secret>,
    /// How its codes are made.
    pub algorithm: Algorithm,
    /// How long its codes are; else as the policy says.
    pub digits: Option<Digits>,
    /// The operator's own words.
    pub description: String,
    /// Whether it may be used at once.
    pub active: bool,
}
