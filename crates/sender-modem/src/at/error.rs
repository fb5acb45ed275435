//! What can go wrong in the dialogue. No error shows what is secret in a command.

use std::fmt;
use std::time::Duration;

use crate::codes;

/// Why a command came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    /// The stream has ended or failed: unplugged, powered off, reset. Only opening it again can help.
    #[error("the port is gone")]
    Gone,
    /// Nothing came that ends the answer. The next command begins with [`super::Dialogue::escape`].
    #[error("no answer to {command} within {} s", after.as_secs_f32())]
    TimedOut {
        /// The command, without what is secret in it.
        command: String,
        /// How long was waited.
        after: Duration,
    },
    /// The modem said no.
    #[error("{command} was refused: {refusal}")]
    Refused {
        /// The command, without what is secret in it.
        command: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The modem does not even answer `AT`.
    #[error("the modem does not answer AT")]
    Deaf,
}

impl AtError {
    /// What the modem said, if it said no.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            AtError::Refused { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }
}

/// How a modem says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `ERROR` without a reason, or one in words of its own.
    Error,
    /// The command is unknown to it.
    NotSupported,
    /// `OK` where a prompt was awaited.
    NoPrompt,
    /// `+CMS ERROR`; `None` for words that no table has.
    Cms(Option<u16>),
    /// `+CME ERROR`; `None` for words that no table has.
    Cme(Option<u16>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Error => f.write_str("ERROR"),
            Refusal::NotSupported => f.write_str("the modem does not know the command"),
            Refusal::NoPrompt => f.write_str("OK came instead of the prompt"),
            Refusal::Cms(None) => f.write_str("+CMS ERROR in words that are not known"),
            Refusal::Cme(None) => f.write_str("+CME ERROR in words that are not known"),
            Refusal::Cms(Some(code)) => write!(f, "+CMS ERROR {code} ({})", codes::cms(*code).meaning),
            Refusal::Cme(Some(code)) => write!(f, "+CME ERROR {code} ({})", codes::cme(*code).meaning),
        }
    }
}
