//! What is known of a modem after its set-up.

use std::fmt;

use mtan_sms::{Address, TerminalCharset};

use crate::submit::{Manner, Mode};

/// For metrics, the command line, and sending. `Debug` shows neither IMSI nor ICCID.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    /// `AT+CGMI`; empty, as the others, where the modem does not say.
    pub manufacturer: String,
    /// `AT+CGMM`.
    pub model: String,
    /// `AT+CGMR`.
    pub revision: String,
    /// `AT+CGSN`: tells the modem from others when its port changes its name.
    pub imei: String,
    /// `AT+CIMI`: the SIM, by the network's name for it.
    pub imsi: String,
    /// The number that is printed on the SIM.
    pub iccid: String,
    /// Whether this set-up entered the PIN.
    pub entered_pin: bool,
    /// At the last look.
    pub registration: Registration,
    /// In dBm, -113 to -51; `None` = not known.
    pub signal: Option<i16>,
    /// The network's name.
    pub operator: String,
    /// The service centre that the modem uses; `None` = none is set, and sending will fail unless the network has its own.
    pub smsc: Option<Address>,
    /// A service centre that the modem did not take as its setting: it goes into each PDU.
    pub smsc_in_pdu: Option<Address>,
    /// How it takes an SMS.
    pub mode: Mode,
    /// How it prints texts.
    pub charset: TerminalCharset,
    /// How delivery reports come.
    pub reports: Reports,
    /// Messages in its memory, and places.
    pub memory: Option<(u16, u16)>,
}

/// `<stat>` of 3GPP TS 27.007 §7.2, the best of circuits, packets and LTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Registration {
    /// 4, or no answer.
    Unknown,
    /// 0: and it is not looking for a network.
    Off,
    /// 3: the network does not want it.
    Denied,
    /// 2.
    Searching,
    /// 5, 7.
    Roaming,
    /// 1, 6.
    Home,
}

/// How delivery reports come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// They do not.
    Off,
    /// `+CDS` at once.
    Direct,
    /// `+CDSI`, to be fetched from the memory that it names.
    Stored,
}

impl Registration {
    /// Whether an SMS can go.
    pub fn is_registered(self) -> bool {
        self >= Registration::Roaming
    }

    pub(crate) fn of(state: u8) -> Registration {
        match state {
            0 => Registration::Off,
            1 | 6 => Registration::Home,
            2 => Registration::Searching,
            3 => Registration::Denied,
            5 | 7 => Registration::Roaming,
            _ => Registration::Unknown,
        }
    }
}

impl Facts {
    /// How texts go out by it.
    pub fn manner(&self, answer_within: std::time::Duration) -> Manner {
        Manner { mode: self.mode, smsc: self.smsc_in_pdu.clone(), answer_within }
    }
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            manufacturer: String::new(),
            model: String::new(),
            revision: String::new(),
            imei: String::new(),
            imsi: String::new(),
            iccid: String::new(),
            entered_pin: false,
            registration: Registration::Unknown,
            signal: None,
            operator: String::new(),
            smsc: None,
            smsc_in_pdu: None,
            mode: Mode::Pdu,
            charset: TerminalCharset::Other,
            reports: Reports::Off,
            memory: None,
        }
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("manufacturer", &self.manufacturer)
            .field("model", &self.model)
            .field("imei", &self.imei)
            .field("registration", &self.registration)
            .field("signal", &self.signal)
            .field("operator", &self.operator)
            .field("mode", &self.mode)
            .field("reports", &self.reports)
            .finish_non_exhaustive()
    }
}
