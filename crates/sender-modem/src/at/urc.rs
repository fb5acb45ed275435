//! What a modem says by itself (unsolicited result codes), one line or two.

use std::fmt;

use super::command::behind;

/// Names that begin a line of a modem's own, beside those with `^`, `+`, `*` and the like and a colon.
const WORDS: [&str; 17] = [
    "RING",
    "RDY",
    "Call Ready",
    "SMS Ready",
    "PB DONE",
    "SMS DONE",
    "UNDER-VOLTAGE",
    "OVER-VOLTAGE",
    "NORMAL POWER DOWN",
    "POWERED DOWN",
    "MODEM:STARTUP",
    "START",
    "READY",
    "NO CARRIER",
    "CONNECT",
    "*ATREADY",
    "^SYSSTART",
];

/// Something that a modem said by itself. `Debug` shows its kind, never numbers or texts.
#[derive(Clone, PartialEq, Eq)]
pub enum Urc {
    /// `+CDS: <length>` and a line: a delivery report, as a PDU with the SMSC field before it, in hexadecimal digits.
    StatusReport(String),
    /// `+CDS: 6,<mr>,..`: a delivery report in text mode; what stands behind the colon.
    TextStatusReport(String),
    /// `+CDSI`: a delivery report was stored.
    StatusReportStored {
        /// `SR`, `ME`, `MT`, `SM`.
        memory: String,
        /// Its place there.
        index: u16,
    },
    /// `+CMTI`: an SMS came and was stored.
    MessageStored {
        /// `ME`, `MT`, `SM`.
        memory: String,
        /// Its place there.
        index: u16,
    },
    /// `+CMT` or `+CBM`: an SMS or broadcast came; its text is not kept.
    Message,
    /// `+CREG`, `+CGREG`, `+CEREG`: the network's word about registration.
    Registration {
        /// Of which of them.
        domain: Domain,
        /// `<stat>` of 3GPP TS 27.007 §7.2.
        state: u8,
    },
    /// `+CUSD`: what stands behind the colon.
    Ussd(String),
    /// `+CPIN`, `^SIMST`, `+QSIMSTAT`: the SIM's state may have changed; ask for it.
    Sim,
    /// The modem has just booted: all settings are gone.
    Restarted,
    /// Another one, by its name (`^RSSI`); empty for a line without one.
    Other(String),
}

/// Which registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `+CREG`: calls and SMS over the circuit-switched network.
    Circuit,
    /// `+CGREG`: GPRS.
    Packet,
    /// `+CEREG`: LTE.
    Lte,
}

impl fmt::Debug for Urc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Urc::StatusReport(_) | Urc::TextStatusReport(_) => f.write_str("StatusReport(..)"),
            Urc::StatusReportStored { memory, index } => write!(f, "StatusReportStored({memory}, {index})"),
            Urc::MessageStored { memory, index } => write!(f, "MessageStored({memory}, {index})"),
            Urc::Message => f.write_str("Message"),
            Urc::Registration { domain, state } => write!(f, "Registration({domain:?}, {state})"),
            Urc::Ussd(_) => f.write_str("Ussd(..)"),
            Urc::Sim => f.write_str("Sim"),
            Urc::Restarted => f.write_str("Restarted"),
            Urc::Other(name) => write!(f, "Other({name})"),
        }
    }
}

/// Reads lines that are not an answer; keeps in mind the first line of two.
#[derive(Default)]
pub struct UrcReader {
    header: Option<Header>,
}

/// A first line whose second one has not come.
enum Header {
    Report {
        octets: usize,
    },
    Message {
        octets: usize,
    },
    /// In text mode the second line may be anything.
    Text,
}

impl UrcReader {
    /// Whether `line` is the second one of a pair. To be asked before anything else is made of it.
    pub fn second_line(&mut self, line: &str) -> Option<Urc> {
        let octets = match self.header.as_ref()? {
            Header::Report { octets } | Header::Message { octets } => *octets,
            Header::Text => 0,
        };
        let is_pdu = line.len() >= octets.max(1).saturating_mul(2)
            && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        match self.header {
            Some(Header::Text) => {
                self.header = None;
                Some(Urc::Message)
            }
            _ if !is_pdu => None,
            _ => match self.header.take()? {
                Header::Report { .. } => Some(Urc::StatusReport(line.to_owned())),
                _ => Some(Urc::Message),
            },
        }
    }

    /// What `line` says; `None` for the first line of two.
    pub fn first_line(&mut self, line: &str) -> Option<Urc> {
        if let Some(rest) = behind(line, "+CDS") {
            return match rest.parse() {
                Ok(octets) => self.wait_for(Header::Report { octets }),
                Err(_) => Some(Urc::TextStatusReport(rest.to_owned())),
            };
        }
        if let Some(rest) = behind(line, "+CMT").or_else(|| behind(line, "+CBM")) {
            return self.wait_for(message_header(rest));
        }
        Some(single(line))
    }

    /// Forgets a first line.
    pub fn clear(&mut self) {
        self.header = None;
    }

    fn wait_for(&mut self, header: Header) -> Option<Urc> {
        self.header = Some(header);
        None
    }
}

/// 3GPP TS 27.005 §3.4.1: `[<alpha>],<length>` or `<length>` in PDU mode, more fields in text mode.
fn message_header(rest: &str) -> Header {
    let fields: Vec<&str> = rest.split(',').collect();
    match (fields.len(), fields.last().and_then(|field| field.trim().parse().ok())) {
        (1 | 2, Some(octets)) => Header::Message { octets },
        _ => Header::Text,
    }
}

fn single(line: &str) -> Urc {
    for (name, domain) in [("+CREG", Domain::Circuit), ("+CGREG", Domain::Packet), ("+CEREG", Domain::Lte)] {
        if let Some(state) = behind(line, name).and_then(|rest| rest.split(',').next()?.trim().parse().ok()) {
            return Urc::Registration { domain, state };
        }
    }
    if let Some((memory, index)) = behind(line, "+CDSI").and_then(place) {
        return Urc::StatusReportStored { memory, index };
    }
    if let Some((memory, index)) = behind(line, "+CMTI").and_then(place) {
        return Urc::MessageStored { memory, index };
    }
    if let Some(rest) = behind(line, "+CUSD") {
        return Urc::Ussd(rest.to_owned());
    }
    match name(line) {
        "+CPIN" | "^SIMST" | "+QSIMSTAT" => Urc::Sim,
        "RDY" | "MODEM" | "*ATREADY" | "^SYSSTART" => Urc::Restarted,
        name => Urc::Other(name.to_owned()),
    }
}

/// `"SM",3`.
fn place(rest: &str) -> Option<(String, u16)> {
    let (memory, index) = rest.split_once(',')?;
    let memory: String = memory.chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    Some((memory, index.trim().parse().ok()?))
}

/// The name with which a line of a modem's own begins; empty if it has none.
fn name(line: &str) -> &str {
    if let Some(word) = WORDS.iter().find(|word| line == **word) {
        return word;
    }
    let Some((name, _)) = line.split_once(':') else { return "" };
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "+^*%#$&!_-".contains(c);
    if name.len() <= 16 && name.chars().all(plain) { name } else { "" }
}

/// Whether a line is known as something that a modem says by itself, or as another command's.
pub(crate) fn is_unsolicited(line: &str) -> bool {
    let begins = line.starts_with(['+', '^', '*', '%', '#', '$', '&', '!', '_']);
    WORDS.contains(&line) || (begins && line.contains(':'))
}
