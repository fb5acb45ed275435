//! What the verifier answers, and why: the caller hears the answer, the log hears the reason.

use mtan_jobs::JobId;

use crate::{Serial, TransactionId};

/// The verifier's answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The code was right, in time and the first of its kind.
    Accepted(Serial),
    /// The PIN was right: an SMS is under way.
    Challenged(Sent),
    /// No. The caller is never told the reason.
    Rejected(Reason),
}

/// What is under way: an SMS, or one for each token of the user whose PIN it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The challenge to answer; of several their root.
    pub transaction: TransactionId,
    /// What the user is told.
    pub message: String,
    /// `true` if this request sent nothing, for an SMS is under way since less than the blocking time.
    pub already: bool,
    /// Each SMS: at least one, in the order of serials.
    pub sms: Vec<Sms>,
}

/// An SMS that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// The challenge that its code answers.
    pub transaction: TransactionId,
    /// The token.
    pub serial: Serial,
    /// The token's description.
    pub description: String,
    /// The job that carries it: the ledger knows what becomes of it.
    pub job_id: JobId,
}

/// Why not: for log, metrics and audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The request names no user, has no `pass`, or cannot be read.
    Malformed,
    /// The user has no token, or there is no such user.
    NoToken,
    /// Neither PIN nor PIN and code.
    WrongPin,
    /// The PIN may be right, the code is not.
    WrongOtp,
    /// The code was right but not in time.
    Expired,
    /// There is no open challenge.
    NoChallenge,
    /// The transaction id names no open challenge of this token.
    UnknownTransaction,
    /// Tries are used up.
    Locked,
    /// The token is switched off.
    Inactive,
    /// Another request used the code up first.
    AlreadyUsed,
    /// PIN and code, or code and transaction, fit several tokens of the user.
    SeveralTokens,
    /// The store is away.
    StoreAway,
    /// The broker is away or did not confirm.
    QueueAway,
    /// So many PINs are being hashed that this one was not compared.
    Busy,
    /// The token's secret does not open: another server key?
    SecretUnreadable,
    /// The token's counter is at its end: it needs a new secret.
    SecretUsedUp,
}

impl Reason {
    /// The reason as a metric label and log field.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::NoToken => "no_token",
            Reason::WrongPin => "wrong_pin",
            Reason::WrongOtp => "wrong_otp",
            Reason::Expired => "expired",
            Reason::NoChallenge => "no_challenge",
            Reason::UnknownTransaction => "unknown_transaction",
            Reason::Locked => "locked",
            Reason::Inactive => "inactive",
            Reason::AlreadyUsed => "already_used",
            Reason::SeveralTokens => "several_tokens",
            Reason::StoreAway => "store_away",
            Reason::QueueAway => "queue_away",
            Reason::Busy => "busy",
            Reason::SecretUnreadable => "secret_unreadable",
            Reason::SecretUsedUp => "secret_used_up",
        }
    }
}
