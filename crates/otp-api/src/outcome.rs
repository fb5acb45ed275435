//! What became of a request on /validate: the verifier's answer, or why there is none.

use mtan_verifier::{Answer, Reason, Sent, Serial};

/// What the caller hears, and for the log why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The code was right.
    Accepted(Serial),
    /// An SMS is under way.
    Challenged(Sent),
    /// No.
    Rejected(Why),
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
    /// `accepted`, `challenged`, `rejected`: a metric label.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Outcome::Accepted(_) => "accepted",
            Outcome::Challenged(_) => "challenged",
            Outcome::Rejected(_) => "rejected",
        }
    }

    /// Why, from a closed set: a metric label and a log field.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Outcome::Accepted(_) => "right_code",
            Outcome::Challenged(sent) if sent.already => "already_sent",
            Outcome::Challenged(_) => "right_pin",
            Outcome::Rejected(Why::Rule(reason)) => reason.as_str(),
            Outcome::Rejected(Why::TimedOut) => "timed_out",
            Outcome::Rejected(Why::Broken) => "broken",
            Outcome::Rejected(Why::SendingFailed) => "sending_failed",
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
