//! Keyed digests: for what is only ever compared (PINs, one-time passwords).

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::ServerKey;

/// HMAC-SHA-256 under the server key. Worthless without the key, so it may be stored; `Debug` prints `..` all the same.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl ServerKey {
    /// The digest of `parts` for one `purpose`. Parts are length-prefixed: `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.digesting[..]).expect("HMAC takes a key of any length");
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Digest(mac.finalize().into_bytes().into())
    }
}

impl Digest {
    /// The digest of nothing: it stands where there is nothing to compare with, so that the work is the same.
    pub const NONE: Digest = Digest([0; 32]);

    /// Constant-time comparison.
    pub fn matches(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// 64 lower-case hexadecimal digits, for a record.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The digest from its hexadecimal form; `None` if it is none.
    pub fn from_hex(text: &str) -> Option<Digest> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Digest(bytes.try_into().ok()?))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_parts_and_key_all_count() {
        let key = ServerKey::generate();
        let digest = key.digest("pin", &[b"ab", b"c"]);
        assert!(digest.matches(&key.digest("pin", &[b"ab", b"c"])));
        assert!(!digest.matches(&key.digest("pin", &[b"a", b"bc"])));
        assert!(!digest.matches(&key.digest("otp", &[b"ab", b"c"])));
        assert!(!digest.matches(&ServerKey::generate().digest("pin", &[b"ab", b"c"])));
    }

    #[test]
    fn hex_round_trips_and_refuses_the_rest() {
        let digest = ServerKey::generate().digest("otp", &[b"x"]);
        assert!(Digest::from_hex(&digest.to_hex()).unwrap().matches(&digest));
        assert!(Digest::from_hex("00ff").is_none());
        assert!(Digest::from_hex(&"Z".repeat(64)).is_none());
    }
}
