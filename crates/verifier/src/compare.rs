//! The comparison of a PIN: at once where it is cheap, in the slow lane where it is not.

use std::hint::black_box;

use mtan_seal::Digest;

use crate::decide::Pass;
use crate::slow_lane::Busy;
use crate::{OtpPin, PinHash, SlowHash, Token, Verifier, pin};

/// What of a request's text is the token's PIN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// All of it.
    pub(crate) whole_is_pin: bool,
    /// What stands before the code.
    pub(crate) prefix_is_pin: bool,
}

impl Verifier {
    /// Compares both readings of the text. How long it takes depends on the request and the kind of hash alone.
    pub(crate) async fn compare(&self, token: &Token, pass: &Pass<'_>) -> Result<Compared, Busy> {
        let (prefix, code) = pass.split(usize::from(token.digits.get()));
        if pass.otppin == OtpPin::OnlyOtp {
            // no PIN is the right one, and any other is a wrong one
            return Ok(Compared { whole_is_pin: pass.text.is_empty(), prefix_is_pin: prefix.is_empty() });
        }
        let digest = |text| pin::digest(&self.key, &token.serial, text);
        let (whole, before) = (digest(pass.text), digest(prefix));
        match &token.pin {
            PinHash::Keyed(kept) => {
                // The black box keeps the compiler from leaving out the second where the first was right.
                let (whole_is_pin, prefix_is_pin) = black_box((whole.matches(kept), before.matches(kept)));
                Ok(Compared { whole_is_pin, prefix_is_pin })
            }
            PinHash::Argon2id(kept) => {
                // with a transaction all is prefix and code, and without a code all is prefix
                let whole = (pass.transaction.is_none() && !code.is_empty()).then_some(whole);
                let kept = kept.clone();
                self.slow_lane.run(move || compare_slowly(&kept, whole.as_ref(), &before)).await
            }
        }
    }
}

fn compare_slowly(kept: &SlowHash, whole: Option<&Digest>, before: &Digest) -> Compared {
    let prefix_is_pin = kept.matches(before);
    Compared { whole_is_pin: whole.map_or(prefix_is_pin, |whole| kept.matches(whole)), prefix_is_pin }
}
