//! A PIN, on its way from the request to what the store keeps of it.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};
use mtan_seal::{Digest, ServerKey};
use zeroize::Zeroizing;

use crate::{Random, Serial};

/// The most memory that a stored hash may ask for, in KiB: a damaged record takes no machine down.
const MOST_MEMORY: u32 = 256 * 1024;

/// A PIN in clear, for as short as possible; wiped when dropped, `Debug` prints `..`.
#[derive(Clone, Default)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// The PIN from a request.
    pub fn new(text: impl Into<String>) -> Pin {
        Pin(Zeroizing::new(text.into()))
    }

    pub(crate) fn digest(&self, key: &ServerKey, serial: &Serial) -> Digest {
        digest(key, serial, &self.0)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// How the PINs of new tokens are kept; see `docs/adr/0003`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PinScheme {
    /// HMAC-SHA-256 under the server key, bound to the token. Takes a microsecond.
    #[default]
    Keyed,
    /// Argon2id (RFC 9106) of that digest, with 19 MiB and two passes. Takes some 15 ms of a core, which a pass phrase
    /// is worth where somebody might get hold of the server key too.
    Argon2id,
}

/// What the store keeps of a PIN. A stolen store without the server key leaves nothing to guess at, in both forms.
#[derive(Clone)]
pub enum PinHash {
    /// [`PinScheme::Keyed`]
    Keyed(Digest),
    /// [`PinScheme::Argon2id`]
    Argon2id(SlowHash),
}

/// An Argon2id hash over a keyed digest, in the PHC string format.
#[derive(Clone)]
pub struct SlowHash(String);

impl PinHash {
    /// As it is stored: 64 hexadecimal digits, or `$argon2id$…`.
    pub fn to_text(&self) -> String {
        match self {
            PinHash::Keyed(digest) => digest.to_hex(),
            PinHash::Argon2id(slow) => slow.0.clone(),
        }
    }

    /// As it was stored; `None` if it is neither form.
    pub fn from_text(text: &str) -> Option<PinHash> {
        if text.starts_with('$') {
            return SlowHash::parse(text).map(PinHash::Argon2id);
        }
        Digest::from_hex(text).map(PinHash::Keyed)
    }
}

impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinHash::Keyed(_) => "Keyed(..)",
            PinHash::Argon2id(_) => "Argon2id(..)",
        })
    }
}

impl SlowHash {
    /// Takes some 15 ms.
    pub(crate) fn new(digest: &Digest, random: &dyn Random) -> SlowHash {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let password = Zeroizing::new(digest.to_hex());
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        SlowHash(hash.expect("64 characters and 16 bytes of salt are within Argon2's bounds").to_string())
    }

    /// Takes some 15 ms; the comparison is constant-time.
    pub(crate) fn matches(&self, digest: &Digest) -> bool {
        let password = Zeroizing::new(digest.to_hex());
        let hash = PasswordHash::new(&self.0);
        hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    fn parse(text: &str) -> Option<SlowHash> {
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let usable = Algorithm::try_from(hash.algorithm.as_str()).ok()? == Algorithm::Argon2id
            && params.m_cost() <= MOST_MEMORY
            && hash.salt.is_some()
            && hash.hash.is_some();
        usable.then(|| SlowHash(text.to_owned()))
    }
}

pub(crate) fn digest(key: &ServerKey, serial: &Serial, pin: &str) -> Digest {
    key.digest("pin", &[serial.as_str().as_bytes(), pin.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    fn a_digest(pin: &str) -> Digest {
        let key = ServerKey::from_base64(&data_encoding::BASE64.encode(&[7; 32]), "test").unwrap();
        digest(&key, &"LSSM1".parse().unwrap(), pin)
    }

    #[test]
    fn both_forms_come_back_from_their_text() {
        let slow = SlowHash::new(&a_digest("a pass phrase"), &SystemRandom);
        for hash in [PinHash::Keyed(a_digest("4711")), PinHash::Argon2id(slow)] {
            let text = hash.to_text();
            assert_eq!(PinHash::from_text(&text).unwrap().to_text(), text);
            assert!(!format!("{hash:?}").contains(&text[..8]), "{hash:?}");
        }
    }

    #[test]
    fn a_slow_hash_knows_its_pin_only_and_is_salted() {
        let (one, two) = (a_digest("a pass phrase"), a_digest("another"));
        let (first, second) = (SlowHash::new(&one, &SystemRandom), SlowHash::new(&one, &SystemRandom));
        assert!(first.matches(&one) && second.matches(&one) && !first.matches(&two));
        assert_ne!(first.0, second.0);
        assert!(first.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", first.0);
    }

    #[test]
    fn other_texts_are_no_pin_hash() {
        let good = SlowHash::new(&a_digest("x"), &SystemRandom).0;
        for text in [
            String::new(),
            "00ff".to_owned(),
            "$argon2id$".to_owned(),
            good.replace("argon2id", "argon2i"),
            good.replace("argon2id", "scrypt"),
            good.replace("m=19456", "m=4000000"),
            good.rsplit_once('$').unwrap().0.to_owned(),
        ] {
            assert!(PinHash::from_text(&text).is_none(), "{text}");
        }
    }
}
