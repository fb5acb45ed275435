//! Every +CMS and +CME code: what it means, and what follows for the job and for the modem.
//!
//! Numbers are those of 3GPP TS 24.011 annex E-2 (0..=127: the network's), TS 23.040 §9.2.3.22 (128..=255: the service
//! centre's), TS 27.005 §3.2.5 (300..=511: the modem's), TS 27.007 §9.2 (+CME); from 512 on they are a vendor's own.

mod table;

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{About, Detail, Verdict};

use crate::at::Refusal;

/// How long a modem waits for the network's answer at the least, with room for clocks: 35 to 45 s (3GPP TS 24.011 §10).
const TR1M: Duration = Duration::from_secs(30);

/// What kind of failure a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The network's bad hour: again later, or by another modem.
    Network,
    /// Nobody knows: an SMS that was submitted may have been taken.
    Unsure,
    /// The modem or its SIM is busy: the same again in a moment.
    Busy,
    /// The number, perhaps: once more, and then it is the number.
    PerhapsNumber,
    /// The number: no way out can help.
    Number,
    /// This SIM and its contract: another modem may do it, this one will not.
    Contract,
    /// What we wrote: no repetition helps.
    OurFault,
    /// The SIM is missing, locked or broken, or a PIN is needed.
    Sim,
    /// The memory is full or broken; some modems then refuse to send too.
    Memory,
    /// No number of a service centre.
    Smsc,
    /// The modem itself.
    Modem,
    /// Means nothing for us.
    Ignored,
}

/// What the modem's keeper should do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Care {
    /// Nothing.
    Nothing,
    /// Give the same again after a second or so.
    Again,
    /// Delete read messages and reports.
    CleanMemory,
    /// Set the number of the service centre (`AT+CSCA`), or put it into the PDU.
    SetSmsc,
    /// Set the modem up again, and reset it if that does not help.
    SetUp,
    /// Open the port again.
    Reopen,
    /// Use this modem no more, and call a person.
    TakeOut,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// For people, in plain words.
    pub meaning: &'static str,
    /// What follows.
    pub class: Class,
}

/// What `+CMS ERROR: code` means.
pub fn cms(code: u16) -> Meaning {
    find(table::CMS, code).unwrap_or(match code {
        0..=127 => Meaning { meaning: "a cause of the network without a name", class: Class::Network },
        128..=255 => {
            Meaning { meaning: "a cause of the service centre without a name", class: Class::Network }
        }
        256..=511 => Meaning { meaning: "a failure of the modem without a name", class: Class::Modem },
        _ => Meaning { meaning: "a code of the modem's vendor", class: Class::Network },
    })
}

/// What `+CME ERROR: code` means.
pub fn cme(code: u16) -> Meaning {
    let unknown = Meaning { meaning: "a failure of the modem without a name", class: Class::Modem };
    find(table::CME, code).unwrap_or(unknown)
}

fn find(table: &[table::Row], code: u16) -> Option<Meaning> {
    let row = table.iter().find(|row| row.codes.contains(&code))?;
    Some(Meaning { meaning: row.meaning, class: row.class })
}

/// The number behind `+CMS ERROR:`, also where the modem writes words (AT+CMEE=2).
pub(crate) fn cms_number(text: &str) -> Option<u16> {
    number(text, table::CMS_WORDS)
}

/// The number behind `+CME ERROR:`.
pub(crate) fn cme_number(text: &str) -> Option<u16> {
    number(text, table::CME_WORDS)
}

fn number(text: &str, words: &[(&str, u16)]) -> Option<u16> {
    let text = text.trim().trim_matches('"');
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, code)| *code)
}

impl Refusal {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Refusal::Cms(Some(code)) => cms(*code).class,
            Refusal::Cme(Some(code)) => cme(*code).class,
            Refusal::NotSupported => Class::OurFault,
            // Says nothing: often a modem that lost its settings or the network.
            Refusal::Error | Refusal::NoPrompt | Refusal::Cms(None) | Refusal::Cme(None) => Class::Modem,
        }
    }

    /// Whether an SMS that was submitted so long ago may have been taken all the same.
    ///
    /// The network's own causes are answers. 332 is the modem's word for no answer within TR1M (3GPP TS 24.011 §6.2.1,
    /// §10), whose question the network may have got; 197 says that the service centre holds an SMS with this number and
    /// reference, which the modem's own repetition had brought (TS 23.040 §9.2.3.25), or which is an older one. Words without
    /// a reason are believed, unless they come so late that the time-out may stand behind them.
    pub(crate) fn leaves_open(&self, since: Duration) -> bool {
        let says_nothing = matches!(
            self,
            Refusal::Error | Refusal::Cms(None | Some(500 | 512)) | Refusal::Cme(None | Some(100))
        );
        self.class() == Class::Unsure || (says_nothing && since >= TR1M)
    }
}

impl Class {
    /// What the keeper should do.
    pub fn care(self) -> Care {
        match self {
            Class::Network
            | Class::Unsure
            | Class::PerhapsNumber
            | Class::Number
            | Class::OurFault
            | Class::Ignored => Care::Nothing,
            Class::Busy => Care::Again,
            Class::Memory => Care::CleanMemory,
            Class::Smsc => Care::SetSmsc,
            Class::Modem => Care::SetUp,
            Class::Contract | Class::Sim => Care::TakeOut,
        }
    }

    /// What becomes of the job when nothing of it was taken. A job that is rejected for [`Class::Contract`], or put off for
    /// [`Class::Sim`], may still go by another modem at once.
    pub fn verdict(self, detail: Detail) -> Verdict {
        let detail = Some(detail);
        let retry = |code, seconds| Verdict::Retry { code, after: seconds, detail: detail.clone() };
        let second = Some(Duration::from_secs(1));
        match self {
            Class::Number | Class::PerhapsNumber => {
                Verdict::Rejected { about: About::Number, code: ReportCode::NumberRejected, detail }
            }
            Class::Contract | Class::OurFault => {
                Verdict::Rejected { about: About::Gateway, code: ReportCode::GatewayRejected, detail }
            }
            Class::Busy => retry(ReportCode::GatewayBusy, second),
            Class::Memory => retry(ReportCode::GatewayError, second),
            Class::Sim => retry(ReportCode::GatewayUnreachable, None),
            Class::Network | Class::Unsure | Class::Smsc | Class::Modem | Class::Ignored => {
                retry(ReportCode::GatewayError, None)
            }
        }
    }
}

#[cfg(test)]
mod tests;
