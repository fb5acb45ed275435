//! What became of a request on /validate: the verifier's answer, or why there is none, and what is told beside it.

use mtan_verifier::{Answer, Reason, Sent, Serial, Trail, TransactionId, UserRef};

use crate::users::Profile;

/// What the caller hears, and for the log why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code was right.
    Accepted(Serial),
    /// An SMS is under way.
    Challenged(Sent),
    /// The PIN was right, and this is what became of its transaction.
    Told(Vec<Trail>),
    /// No.
    Rejected(Why),
}

/// What is told beside yes and no, where a request or a policy wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// LinOTP's `detail_on_success`: whose token it was.
    pub(crate) owner: Option<Owner>,
    /// LinOTP's `detail_on_fail`: why not.
    pub(crate) why: Option<&'static str>,
    /// LinOTP's `auth_info`: characters of the PIN, digits of the code.
    pub(crate) lengths: Option<(usize, usize)>,
    /// What check_t was asked for, and the challenge's token with its tries without success.
    pub(crate) transaction: Option<(TransactionId, Option<(Serial, u32)>)>,
    /// What a user reads of each SMS, where there are several.
    pub(crate) prompt: String,
}

/// Whose token it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: Option<UserRef>,
    pub(crate) serial: Serial,
    /// What the realm's user store knows.
    pub(crate) profile: Option<Box<Profile>>,
}

/// Why not: for log and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The verifier says so, or the request asks nothing.
    Rule(Reason),
    /// No answer in time.
    TimedOut,
    /// The work ended in a panic.
    Broken,
    /// The SMS did not go out, and this installation waits to know.
    SendingFailed,
}

impl Outcome {
    /// `accepted`, `challenged`, `told`, `rejected`: a metric label.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Outcome::Accepted(_) => "accepted",
            Outcome::Challenged(_) => "challenged",
            Outcome::Told(_) => "told",
            Outcome::Rejected(_) => "rejected",
        }
    }

    /// Why, from a closed set: a metric label and a log field.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Outcome::Accepted(_) => "right_code",
            Outcome::Challenged(sent) if sent.already => "already_sent",
            Outcome::Challenged(_) | Outcome::Told(_) => "right_pin",
            Outcome::Rejected(Why::Rule(reason)) => reason.as_str(),
            Outcome::Rejected(Why::TimedOut) => "timed_out",
            Outcome::Rejected(Why::Broken) => "broken",
            Outcome::Rejected(Why::SendingFailed) => "sending_failed",
        }
    }

    /// LinOTP's words for a no.
    pub(crate) fn audit_text(&self) -> Option<&'static str> {
        match self {
            Outcome::Accepted(_) | Outcome::Told(_) => None,
            Outcome::Challenged(_) => Some("challenge created"),
            Outcome::Rejected(Why::Rule(reason)) => Some(match reason {
                Reason::NoToken => "User has no tokens assigned",
                Reason::WrongPin => "wrong otp pin -1",
                Reason::WrongOtp | Reason::AlreadyUsed | Reason::NoChallenge | Reason::Expired => {
                    "wrong otp value"
                }
                Reason::Locked => "Failcounter exceeded",
                Reason::Inactive => "Token inactive",
                Reason::UnknownTransaction => "no challenge for this transaction",
                Reason::SeveralTokens => "several tokens match",
                Reason::Malformed => "a parameter is missing or cannot be read",
                Reason::StoreAway
                | Reason::QueueAway
                | Reason::Busy
                | Reason::SecretUnreadable
                | Reason::SecretUsedUp => "internal error",
            }),
            Outcome::Rejected(_) => Some("internal error"),
        }
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Outcome {
        match answer {
            Answer::Accepted(serial) => Outcome::Accepted(serial),
            Answer::Challenged(sent) => Outcome::Challenged(sent),
            Answer::Rejected(reason) => Outcome::Rejected(Why::Rule(reason)),
        }
    }
}
