//! A token's secret, in clear for as short as possible.

use std::fmt;

use zeroize::Zeroizing;

/// The shared secret K of RFC 4226: 16 to 128 bytes. Wiped when dropped; `Debug` prints `..`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// The bytes are no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("16 to 128 bytes of secret are expected, found {0} (RFC 4226 R6: at least 128 bits)")]
pub struct SecretError(usize);

impl Secret {
    /// Takes 16 bytes (RFC 4226 R6: MUST be at least 128 bits) to 128 (beyond the block size of SHA-512 nothing is gained).
    pub fn new(bytes: Vec<u8>) -> Result<Secret, SecretError> {
        let bytes = Zeroizing::new(bytes);
        if (16..=128).contains(&bytes.len()) { Ok(Secret(bytes)) } else { Err(SecretError(bytes.len())) }
    }

    /// The bytes, for sealing and minting.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_128_bits_is_no_secret() {
        assert_eq!(Secret::new(vec![7; 15]).unwrap_err(), SecretError(15));
        assert!(Secret::new(vec![7; 16]).is_ok());
        assert!(Secret::new(vec![7; 128]).is_ok());
        assert!(Secret::new(vec![7; 129]).is_err());
    }
}
