//! The mint: secret and counter become a code.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use crate::{Algorithm, Digits, Secret};

/// A code, in clear. Wiped when dropped; `Debug` prints `..`, and there is no `Display`.
#[derive(Clone)]
pub struct Otp(Zeroizing<String>);

impl Otp {
    /// The digits, leading zeros included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(..)")
    }
}

/// RFC 4226 §5.3: HOTP(K, C) = Truncate(HMAC(K, C)) mod 10^digits.
pub fn generate(secret: &Secret, counter: u64, algorithm: Algorithm, digits: Digits) -> Otp {
    let mac = mac(secret, counter, algorithm);
    let width = usize::from(digits.get());
    let code = truncate(&mac) % 10_u32.pow(u32::from(digits.get()));
    Otp(Zeroizing::new(format!("{code:0width$}")))
}

/// RFC 4226 §5.1: the counter is an 8-byte big-endian number.
fn mac(secret: &Secret, counter: u64, algorithm: Algorithm) -> Zeroizing<Vec<u8>> {
    fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(message);
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
    let (key, message) = (secret.expose(), counter.to_be_bytes());
    match algorithm {
        Algorithm::Sha1 => hmac::<Hmac<Sha1>>(key, &message),
        Algorithm::Sha256 => hmac::<Hmac<Sha256>>(key, &message),
        Algorithm::Sha512 => hmac::<Hmac<Sha512>>(key, &message),
    }
}

/// RFC 4226 §5.3: dynamic truncation. The low four bits of the last byte say where 31 bits are taken from; for longer
/// hashes than SHA-1 the last byte is the last one of that hash (RFC 6238 Appendix A).
fn truncate(mac: &[u8]) -> u32 {
    let offset = usize::from(mac[mac.len() - 1] & 0x0f);
    let word =
        mac[offset..].first_chunk::<4>().expect("a MAC has at least 20 bytes, the offset is at most 15");
    u32::from_be_bytes(*word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn otp(secret: &[u8], counter: u64, algorithm: Algorithm, digits: u8) -> String {
        let secret = Secret::new(secret.to_vec()).unwrap();
        generate(&secret, counter, algorithm, Digits::new(digits).unwrap()).expose().to_owned()
    }

    /// RFC 4226 Appendix D: count, intermediate HMAC value, truncated decimal, HOTP.
    const APPENDIX_D: [(u64, &str, u32, &str); 10] = [
        (0, "cc93cf18508d94934c64b65d8ba7667fb7cde4b0", 1_284_755_224, "755224"),
        (1, "75a48a19d4cbe100644e8ac1397eea747a2d33ab", 1_094_287_082, "287082"),
        (2, "0bacb7fa082fef30782211938bc1c5e70416ff44", 137_359_152, "359152"),
        (3, "66c28227d03a2d5529262ff016a1e6ef76557ece", 1_726_969_429, "969429"),
        (4, "a904c900a64b35909874b33e61c5938a8e15ed1c", 1_640_338_314, "338314"),
        (5, "a37e783d7b7233c083d4f62926c7a25f238d0316", 868_254_676, "254676"),
        (6, "bc9cd28561042c83f219324d3c607256c03272ae", 1_918_287_922, "287922"),
        (7, "a4fb960c0bc06e1eabb804e5b397cdc4b45596fa", 82_162_583, "162583"),
        (8, "1b3c89f65e6c9e883012052823443f048b4332db", 673_399_871, "399871"),
        (9, "1637409809a679dc698207310c8c7fc07290d9e5", 645_520_489, "520489"),
    ];

    #[test]
    fn rfc_4226_appendix_d() {
        for (counter, hmac, truncated, code) in APPENDIX_D {
            let secret = Secret::new(b"12345678901234567890".to_vec()).unwrap();
            let found = mac(&secret, counter, Algorithm::Sha1);
            assert_eq!(HEXLOWER.encode(&found), hmac, "count {counter}");
            assert_eq!(truncate(&found), truncated, "count {counter}");
            assert_eq!(otp(secret.expose(), counter, Algorithm::Sha1, 6), code, "count {counter}");
        }
    }

    /// RFC 6238 Appendix B: TOTP is HOTP of the time step, so its table has vectors for all three hashes.
    const APPENDIX_B: [(u64, [&str; 3]); 6] = [
        (0x1, ["94287082", "46119246", "90693936"]),
        (0x0235_23EC, ["07081804", "68084774", "25091201"]),
        (0x0235_23ED, ["14050471", "67062674", "99943326"]),
        (0x0273_EF07, ["89005924", "91819424", "93441116"]),
        (0x03F9_40AA, ["69279037", "90698825", "38618901"]),
        (0x27BC_86AA, ["65353130", "77737706", "47863826"]),
    ];

    #[test]
    fn rfc_6238_appendix_b() {
        let seed: Vec<u8> = b"1234567890".iter().copied().cycle().take(64).collect();
        for (counter, codes) in APPENDIX_B {
            for (algorithm, code) in
                [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512].into_iter().zip(codes)
            {
                let secret = &seed[..algorithm.secret_length()];
                assert_eq!(otp(secret, counter, algorithm, 8), code, "{algorithm} {counter:#x}");
            }
        }
    }

    #[test]
    fn shorter_codes_are_the_ends_of_longer_ones() {
        let seed = b"12345678901234567890";
        assert_eq!(otp(seed, 1, Algorithm::Sha1, 7), "4287082");
        assert_eq!(otp(seed, 1, Algorithm::Sha1, 8), "94287082");
    }

    proptest! {
        #[test]
        fn a_code_has_its_digits_whatever_the_secret_and_counter(
            secret in prop::collection::vec(any::<u8>(), 16..=128),
            counter in any::<u64>(),
            digits in 6_u8..=8,
            algorithm in prop::sample::select(vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]),
        ) {
            let code = otp(&secret, counter, algorithm, digits);
            prop_assert_eq!(code.len(), usize::from(digits));
            prop_assert!(code.bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
