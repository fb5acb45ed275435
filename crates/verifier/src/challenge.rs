//! A challenge: one code that was made for one token, and until when it counts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use mtan_jobs::JobId;
use mtan_seal::Digest;

use crate::{Random, Serial};

/// The public name of a challenge: 17 decimal digits, the first one 1 to 9 (LinOTP's `TransactionIdLength` 17). When
/// several tokens of a user are challenged at once, their names are one root of 14 digits with `.01`, `.02` … behind
/// it, and the root names all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(String);

const LENGTH: usize = 17;
const ROOT_LENGTH: usize = 14;

impl TransactionId {
    /// A new one, every digit equally likely.
    pub fn new(random: &dyn Random) -> TransactionId {
        TransactionId::of_length(LENGTH, random)
    }

    /// New ones for `many` challenges at once: of one root, unless it is one alone.
    pub(crate) fn siblings(many: usize, random: &dyn Random) -> Vec<TransactionId> {
        if many == 1 {
            return vec![TransactionId::new(random)];
        }
        let root = TransactionId::of_length(ROOT_LENGTH, random);
        (1..=many).map(|place| root.sibling(place)).collect()
    }

    /// The challenge at `place` of those that this root names; the first one is 1.
    pub fn sibling(&self, place: usize) -> TransactionId {
        TransactionId(format!("{self}.{place:02}"))
    }

    /// What names it and its siblings together; itself, if it has none.
    pub fn root(&self) -> TransactionId {
        let root = self.0.split_once('.').map_or(self.0.as_str(), |(root, _)| root);
        TransactionId(root.to_owned())
    }

    /// Whether a request that says `named` means this challenge.
    pub(crate) fn is_named_by(&self, named: &TransactionId) -> bool {
        self == named || self.root() == *named
    }

    fn of_length(length: usize, random: &dyn Random) -> TransactionId {
        let digits = (0..length).map(|place| {
            loop {
                let mut byte = [0];
                random.fill(&mut byte);
                // 250 is the largest multiple of ten that a byte holds: beyond it digits would not be equally likely.
                match byte[0] {
                    b if b >= 250 => {}
                    b if place == 0 && b % 10 == 0 => {}
                    b => break char::from(b'0' + b % 10),
                }
            }
        });
        TransactionId(digits.collect())
    }

    /// What a request names. Never fails: a text that can be nobody's id becomes `0`, which names no challenge, so that
    /// it is a failed try like any unknown id and never a request without one.
    pub fn from_request(text: &str) -> TransactionId {
        text.parse().unwrap_or_else(|()| TransactionId("0".to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TransactionId {
    type Err = ();

    /// Anything of 1 to 32 digits and dots: also what other systems hand out, so that an unknown id is merely unknown.
    fn from_str(text: &str) -> Result<TransactionId, ()> {
        let valid = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if valid { Ok(TransactionId(text.to_owned())) } else { Err(()) }
    }
}

/// An open challenge. The code itself is nowhere: only its digest under the server key.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Its public name.
    pub transaction: TransactionId,
    /// The token whose code it waits for.
    pub serial: Serial,
    /// What the code is compared with.
    pub otp: Digest,
    /// The job that carries the SMS.
    pub job_id: JobId,
    /// When it was opened; blocking time and expiry count from here.
    pub created_at: Timestamp,
    /// The first moment at which the code does not count any more. Never moved.
    pub expires_at: Timestamp,
}

impl Challenge {
    /// Whether the code still counts at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}
