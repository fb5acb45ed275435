//! Sealed records: for what must be read again (token secrets, outbox entries, embedded queue bodies).

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::ServerKey;

/// First byte of every sealed record; a later scheme takes the next number.
const SCHEME: u8 = 1;
const NONCE: usize = 24;

/// The record does not open: another key, another place, or changed bytes. It does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed record does not open: written with another server key, moved, or damaged")]
pub struct OpenError;

impl ServerKey {
    /// Encrypts and authenticates `plain` (XChaCha20-Poly1305). `place` says where the record belongs, for example
    /// `token/LSSM0001`; it opens only there. Result: scheme byte, nonce, ciphertext and tag; 41 bytes longer than `plain`.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).expect("the system has randomness");
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .expect("a record is far shorter than the cipher's limit of 256 GiB");
        [&[SCHEME][..], &nonce, &sealed].concat()
    }

    /// Opens what [`ServerKey::seal`] made for the same `place`.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&scheme, rest) = sealed.split_first().ok_or(OpenError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(OpenError)?;
        if scheme != SCHEME {
            return Err(OpenError);
        }
        let payload = Payload { msg: ciphertext, aad: place.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| OpenError)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(&self.sealing[..]).expect("the sealing key has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens_only_unchanged_and_in_its_place(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            flip in any::<prop::sample::Index>(),
        ) {
            let key = ServerKey::generate();
            let sealed = key.seal("here", &plain);
            prop_assert_eq!(&*key.open("here", &sealed).unwrap(), &plain);
            prop_assert_eq!(key.open("there", &sealed).unwrap_err(), OpenError);
            prop_assert_eq!(ServerKey::generate().open("here", &sealed).unwrap_err(), OpenError);
            let mut changed = sealed.clone();
            changed[flip.index(sealed.len())] ^= 1;
            prop_assert_eq!(key.open("here", &changed).unwrap_err(), OpenError);
        }

        #[test]
        fn garbage_does_not_open(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(ServerKey::generate().open("here", &bytes).is_err());
        }
    }

    #[test]
    fn a_sealed_record_does_not_show_its_content() {
        let sealed = ServerKey::generate().seal("outbox", b"Your code is 123456");
        assert!(!sealed.windows(6).any(|w| w == b"123456"));
        assert_ne!(sealed, ServerKey::generate().seal("outbox", b"Your code is 123456"));
    }
}
