//! A PIN, on its way from the request to its digest.

use std::fmt;

use mtan_seal::{Digest, ServerKey};
use zeroize::Zeroizing;

use crate::Serial;

/// A PIN in clear, for as short as possible; wiped when dropped, `Debug` prints `..`.
#[derive(Clone, Default)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// The PIN from a request.
    pub fn new(text: impl Into<String>) -> Pin {
        Pin(Zeroizing::new(text.into()))
    }

    /// What the store keeps of it: HMAC-SHA-256 under the server key, bound to the token. A stolen store without the
    /// key leaves nothing to guess at; slowness would not help a PIN of four digits (see `docs/adr/0003`).
    pub(crate) fn digest(&self, key: &ServerKey, serial: &Serial) -> Digest {
        digest(key, serial, &self.0)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

pub(crate) fn digest(key: &ServerKey, serial: &Serial, pin: &str) -> Digest {
    key.digest("pin", &[serial.as_str().as_bytes(), pin.as_bytes()])
}
