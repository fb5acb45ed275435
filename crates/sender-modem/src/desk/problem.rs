//! What is wrong with a port or its modem, in plain words, and what a person at a terminal can do.

use crate::at::AtError;
use crate::port::OpenError;
use crate::set_up::{Registration, Trouble};

use super::words::registration;

/// What keeps a modem from sending. `Display` says what it is, [`Problem::advice`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The port cannot be opened.
    #[error(transparent)]
    Port(#[from] OpenError),
    /// It can, and nothing there speaks AT.
    #[error("nothing answers AT on this port")]
    Silent,
    /// There is a modem.
    #[error("{}", modem(.0))]
    Modem(Trouble),
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Problem {
        match trouble {
            Trouble::At(AtError::Deaf) => Problem::Silent,
            other => Problem::Modem(other),
        }
    }
}

impl From<AtError> for Problem {
    fn from(error: AtError) -> Problem {
        Trouble::from(error).into()
    }
}

impl Problem {
    /// What a person can do; `None` where the problem's own words say it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Problem::Port(OpenError::Busy { by, .. }) if by.starts_with(" by mtan") => {
                Some("that is mtan itself: stop it for as long as you try the modem by hand")
            }
            Problem::Port(_) => None,
            Problem::Silent => Some(
                "a stick has three to six ports and one or two of them answer: try the others, `mtan modem scan` does it for \
                 you; if none answers, unplug it and plug it in again",
            ),
            Problem::Modem(trouble) => Some(at_a_terminal(trouble)),
        }
    }
}

fn modem(trouble: &Trouble) -> String {
    match trouble {
        Trouble::PinNeeded => "the SIM needs its PIN".to_owned(),
        Trouble::NotRegistered { state: Registration::Unknown, .. } => {
            "it is not registered with a network, and does not say why".to_owned()
        }
        Trouble::NotRegistered { state, .. } => {
            format!("it is not registered with a network: {}", registration(*state))
        }
        other => other.to_string(),
    }
}

fn at_a_terminal(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::PinNeeded => {
            "write the PIN into a file that only you can read and name it with --pin-file (in a configuration: PIN_file), or \
             switch the SIM's PIN off with a phone"
        }
        Trouble::PinRefused | Trouble::PinTriedBefore => {
            "correct the PIN in its file, and check it with a phone"
        }
        Trouble::NotRegistered { state: Registration::Searching, .. } => {
            "wait a minute and try again; check the antenna and the place, and the SIM in a phone"
        }
        other => other.advice(),
    }
}
