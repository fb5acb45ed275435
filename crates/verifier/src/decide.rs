//! The one decision: what a counted try is. Pure; every comparison is made every time, so that time tells nothing.

use std::hint::black_box;

use jiff::Timestamp;
use mtan_seal::{Digest, ServerKey};

use crate::compare::Compared;
use crate::{Admission, Ask, Challenge, OtpPin, Policy, Reason, TransactionId, Tried};

/// What was sent with a request, and how it is read.
pub(crate) struct Pass<'a> {
    /// PIN, PIN and code, or code.
    pub(crate) text: &'a str,
    /// The challenge that it answers, if the request names one.
    pub(crate) transaction: Option<&'a TransactionId>,
    /// Whether an SMS is granted without a PIN.
    without_pin: bool,
    /// `PrependPin`: the PIN comes before the code.
    pin_first: bool,
    /// `otppin`: what is asked for beside the code.
    pub(crate) otppin: OtpPin,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(ask: &Ask<'a>, policy: &Policy) -> Pass<'a> {
        Pass {
            text: ask.pass,
            transaction: ask.transaction,
            without_pin: ask.without_pin && policy.trigger_sms,
            pin_first: policy.prepend_pin,
            otppin: policy.otppin,
        }
    }

    /// PIN and code, if there can be a code; else all is PIN.
    pub(crate) fn split(&self, digits: usize) -> (&'a str, &'a str) {
        if self.pin_first { split_last(self.text, digits) } else { split_first(self.text, digits) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The right code for the open challenge: to be used up.
    Consume(TransactionId),
    /// The right PIN alone: to be challenged.
    Trigger,
    /// Neither.
    Reject(Reason),
}

/// What `pass` is for this token at `now`, its PIN being compared already.
pub(crate) fn decide(
    key: &ServerKey,
    tried: &Tried,
    pass: &Pass<'_>,
    pin: Compared,
    now: Timestamp,
) -> Decision {
    let (prefix, code) = pass.split(usize::from(tried.token.digits.get()));
    let Compared { whole_is_pin, prefix_is_pin } = pin;
    // The black box keeps the compiler from moving the comparison behind a branch that does not need it.
    let code_is_right = black_box(code_is_right(key, tried, code));

    match tried.admission {
        Admission::Locked => return Decision::Reject(Reason::Locked),
        Admission::Inactive => return Decision::Reject(Reason::Inactive),
        Admission::Counted => {}
    }
    let challenge = tried.challenge.as_ref();
    if let Some(transaction) = pass.transaction {
        // A response: it counts for the challenge that it names, and a PIN in front of it must be right.
        return match challenge.filter(|c| c.transaction.is_named_by(transaction)) {
            None => Decision::Reject(Reason::UnknownTransaction),
            Some(_) if !prefix.is_empty() && !prefix_is_pin => Decision::Reject(Reason::WrongPin),
            Some(open) => answer(open, code_is_right, now),
        };
    }
    if prefix_is_pin && !code.is_empty() && code_is_right {
        return challenge.map_or(Decision::Reject(Reason::NoChallenge), |open| answer(open, true, now));
    }
    if whole_is_pin || pass.without_pin {
        return Decision::Trigger;
    }
    Decision::Reject(match challenge {
        _ if !prefix_is_pin || code.is_empty() => Reason::WrongPin,
        None => Reason::NoChallenge,
        Some(_) => Reason::WrongOtp,
    })
}

fn answer(open: &Challenge, code_is_right: bool, now: Timestamp) -> Decision {
    match code_is_right {
        false => Decision::Reject(Reason::WrongOtp),
        true if !open.is_open(now) => Decision::Reject(Reason::Expired),
        true => Decision::Consume(open.transaction.clone()),
    }
}

/// What stands before the last `digits` characters, and those, if they can be a code. No code: all is PIN.
fn split_last(pass: &str, digits: usize) -> (&str, &str) {
    match pass.len().checked_sub(digits).and_then(|at| pass.split_at_checked(at)) {
        Some((prefix, code)) if code.bytes().all(|b| b.is_ascii_digit()) => (prefix, code),
        _ => (pass, ""),
    }
}

/// What stands behind the first `digits` characters, and those, if they can be a code. No code: all is PIN.
fn split_first(pass: &str, digits: usize) -> (&str, &str) {
    match pass.split_at_checked(digits) {
        Some((code, rest)) if code.bytes().all(|b| b.is_ascii_digit()) => (rest, code),
        _ => (pass, ""),
    }
}

/// Digest of a code, bound to its challenge: what the store keeps instead of the code.
pub(crate) fn code_digest(key: &ServerKey, transaction: &str, code: &str) -> Digest {
    key.digest("otp", &[transaction.as_bytes(), code.as_bytes()])
}

/// Constant-time; without a challenge the same work is done for nothing, over a transaction id of the usual length.
fn code_is_right(key: &ServerKey, tried: &Tried, code: &str) -> bool {
    let open = tried.challenge.as_ref();
    let (transaction, expected) =
        open.map_or(("00000000000000000", &Digest::NONE), |c| (c.transaction.as_str(), &c.otp));
    code_digest(key, transaction, code).matches(expected) & open.is_some()
}

#[cfg(test)]
mod tests {
    use super::{split_first, split_last};

    #[test]
    fn the_last_characters_are_the_code_if_they_are_digits() {
        assert_eq!(split_last("1234567890", 6), ("1234", "567890"));
        assert_eq!(split_last("567890", 6), ("", "567890"));
        assert_eq!(split_last("67890", 6), ("67890", ""));
        assert_eq!(split_last("", 6), ("", ""));
        assert_eq!(split_last("pin56789x", 6), ("pin56789x", ""));
        assert_eq!(split_last("pün567890", 6), ("pün", "567890"));
        assert_eq!(split_last("€€€", 8), ("€€€", ""));
        assert_eq!(split_last("pin٠١٢٣٤٥", 6), ("pin٠١٢٣٤٥", ""), "digits of other scripts are no code");
    }

    #[test]
    fn or_the_first_ones_where_the_pin_comes_behind() {
        assert_eq!(split_first("5678901234", 6), ("1234", "567890"));
        assert_eq!(split_first("567890", 6), ("", "567890"));
        assert_eq!(split_first("56789", 6), ("56789", ""));
        assert_eq!(split_first("", 6), ("", ""));
        assert_eq!(split_first("x67890pin", 6), ("x67890pin", ""));
        assert_eq!(split_first("567890pün", 6), ("pün", "567890"));
        assert_eq!(split_first("56789ü", 6), ("56789ü", ""));
    }
}
