//! What is asked: all that a request on `/validate` may say.

use crate::{Subject, TransactionId};

/// A question. Holds PIN and code: it has no `Debug`.
#[derive(Clone)]
pub struct Ask<'a> {
    /// Whose token.
    pub subject: &'a Subject,
    /// PIN, PIN and code, or code.
    pub pass: &'a str,
    /// The challenge that it answers.
    pub transaction: Option<&'a TransactionId>,
    /// What the SMS shall say; heard only where the policy's `caller_text` lets callers say it.
    pub text: Option<CallerText<'a>>,
    /// Whether an SMS is asked for without a PIN; granted only where the policy's `trigger_sms` is on.
    pub without_pin: bool,
}

/// A text of the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerText<'a> {
    /// LinOTP's `challenge`: in place of the bare code, but not of the policy's own `smstext`.
    Base(&'a str),
    /// LinOTP's `data` and `message`: in place of both.
    Instead(&'a str),
}

impl<'a> Ask<'a> {
    /// `pass` of `subject`, and nothing else.
    pub fn new(subject: &'a Subject, pass: &'a str) -> Ask<'a> {
        Ask { subject, pass, transaction: None, text: None, without_pin: false }
    }
}
