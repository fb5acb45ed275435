//! What keeps a modem from sending, in plain words, and what a person can do.

use std::time::Duration;

use super::facts::Registration;
use crate::at::AtError;

/// Why a modem cannot send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It does not answer as it should.
    #[error(transparent)]
    At(#[from] AtError),
    /// There is no SIM.
    #[error("there is no SIM in the modem")]
    NoSim,
    /// The SIM does not work, or not with this modem.
    #[error("the SIM does not work: {0}")]
    Sim(AtError),
    /// A PIN is needed and none is configured.
    #[error("the SIM needs its PIN, and none is configured")]
    PinNeeded,
    /// The SIM refused the PIN just now.
    #[error("the SIM refused the configured PIN")]
    PinRefused,
    /// This PIN was refused before, or nobody knows what became of it: it is not tried again.
    #[error("the configured PIN was tried on this SIM before and not accepted; it is not tried again")]
    PinTriedBefore,
    /// A wrong one would lock the SIM, or leave no try for a person.
    #[error("the SIM has {0} tries for its PIN left; the last one is left to a person")]
    LastTry(u8),
    /// What became of PINs cannot be read or written down, so none is tried.
    #[error("the PIN is not tried, because the memory of refused PINs cannot be read or written: {0}")]
    PinMemory(String),
    /// Too many wrong PINs.
    #[error("the SIM is locked and needs its PUK")]
    PukNeeded,
    /// Locked to another SIM or network, or a PIN2.
    #[error("the modem or the SIM asks for a code that is not the PIN: {0}")]
    Locked(String),
    /// No network within the time.
    #[error("the modem is not registered with a network after {} s ({state:?})", after.as_secs())]
    NotRegistered {
        /// What it said last.
        state: Registration,
        /// How long was waited.
        after: Duration,
    },
    /// It takes neither PDUs nor text mode.
    #[error("the modem takes SMS neither as PDU nor as text")]
    NoSms,
}

impl Trouble {
    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Trouble::At(AtError::Gone) => "plug the modem in again",
            Trouble::At(_) => {
                "check that the port is the modem's AT port and that no other program holds it; else unplug it and plug it in again"
            }
            Trouble::NoSim => "put a SIM in, the right way round, and plug the modem in again",
            Trouble::Sim(_) => "try the SIM in a phone",
            Trouble::PinNeeded => "set PIN or PIN_file, or switch the SIM's PIN off with a phone",
            Trouble::PinRefused | Trouble::PinTriedBefore => {
                "correct PIN or PIN_file; check the PIN with a phone"
            }
            Trouble::LastTry(_) => "enter the PIN once in a phone: that gives the SIM all its tries back",
            Trouble::PinMemory(_) => {
                "give the folder of the modem's state, and `refused-pins` in it, to the user that runs mtan"
            }
            Trouble::PukNeeded => "put the SIM into a phone and enter its PUK",
            Trouble::Locked(_) => "use a modem that is not locked to another SIM or network",
            Trouble::NotRegistered { state: Registration::Denied, .. } => {
                "the network refuses the SIM: check contract, credit and roaming"
            }
            Trouble::NotRegistered { .. } => "check the antenna and the place; try the SIM in a phone",
            Trouble::NoSms => "use another modem, or its other port",
        }
    }

    /// Whether trying again changes nothing before a person has done something.
    pub fn needs_a_person(&self) -> bool {
        !matches!(self, Trouble::At(_) | Trouble::NotRegistered { .. } | Trouble::PinMemory(_))
    }
}
