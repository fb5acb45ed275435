//! What each command does and answers, but for the sending of an SMS.

use super::card;
use super::fault::{ModemFault, Place};
use super::memory;
use super::network;
use super::parse::{Command, Kind};
use super::state::{Book, Settings};

/// What `AT+CLAC` lists.
const KNOWN: &str = "&C &D &F E I Q S0 V X Z +CBST +CEREG +CFUN +CGMI +CGMM +CGMR +CGREG +CGSN +CIMI +CLAC +CLIP +CMEE \
    +CMGD +CMGF +CMGL +CMGR +CMGS +CMMS +CNMA +CNMI +COPS +CPIN +CPMS +CREG +CSCA +CSCS +CSIM +CSMP +CSMS +CSQ \
    +CUSD +GCAP +GMI +GMM +GMR +GSN";

/// What a command leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Information lines, then the next command or `OK`.
    Done(Vec<String>),
    /// An error; the rest of the line is not done.
    Failed(Final),
    /// `OK`, and this line by itself afterwards.
    Later(String),
    /// Waits for a PDU of that length, or for a text to that number.
    Entry(Entry),
    /// `OK`, then it is off and boots.
    Reset,
}

/// What comes behind the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Pdu(usize),
    Text(String),
}

/// The result code that ends an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Final {
    Ok,
    Error,
    Cms(u16),
    Cme(u16),
    /// As it stands.
    Words(String),
    /// None comes.
    Nothing,
}

impl Final {
    /// The line, by ATV and CMEE: without CMEE an error has no number, as on most modems.
    pub(super) fn words(&self, settings: &Settings) -> Option<String> {
        let coded = |kind: &str, code: u16| match settings.cmee {
            0 => Self::Error.words(settings).unwrap_or_default(),
            1 => format!("{kind} ERROR: {code}"),
            _ => format!("{kind} ERROR: {}", meaning(kind, code)),
        };
        Some(match self {
            Self::Nothing => return None,
            Self::Words(words) => words.clone(),
            Self::Ok => (if settings.verbose { "OK" } else { "0" }).to_owned(),
            Self::Error => (if settings.verbose { "ERROR" } else { "4" }).to_owned(),
            Self::Cms(code) => coded("+CMS", *code),
            Self::Cme(code) => coded("+CME", *code),
        })
    }
}

/// The texts of TS 27.005 §3.2.5 and TS 27.007 §9.2 that the modem itself gives; the others stay numbers.
fn meaning(kind: &str, code: u16) -> String {
    let known = match (kind, code) {
        ("+CMS", 1) => "Unassigned (unallocated) number",
        ("+CMS", 38) => "Network out of order",
        ("+CMS", 304) => "invalid PDU mode parameter",
        ("+CMS", 310) => "SIM not inserted",
        ("+CMS", 311) => "SIM PIN required",
        ("+CMS", 316) => "SIM PUK required",
        ("+CMS", 322) => "memory full",
        ("+CMS", 330) => "SMSC address unknown",
        ("+CMS", 331) => "no network service",
        ("+CMS", 500) => "unknown error",
        ("+CME", 3) => "operation not allowed",
        ("+CME", 10) => "SIM not inserted",
        ("+CME", 11) => "SIM PIN required",
        ("+CME", 12) => "SIM PUK required",
        ("+CME", 16) => "incorrect password",
        ("+CME", 30) => "no network service",
        _ => return code.to_string(),
    };
    known.to_owned()
}

impl Reply {
    pub(super) fn ok() -> Self {
        Self::Done(Vec::new())
    }

    pub(super) fn line(text: impl Into<String>) -> Self {
        Self::Done(vec![text.into()])
    }

    pub(super) fn error() -> Self {
        Self::Failed(Final::Error)
    }
}

impl Book {
    /// Whether this state of SIM or network is planned now; uses up one of its turns.
    pub(super) fn suffers(&mut self, command: &str, fault: &ModemFault) -> bool {
        self.plan.draw(Place { command, number: "" }, |planned| planned == fault).is_some()
    }
}

/// Does one command.
pub(super) fn run(book: &mut Book, command: &Command) -> Reply {
    match command.name.as_str() {
        "+CPIN" | "+CPINR" | "+CSIM" | "+CIMI" => card::run(book, command),
        "+CREG" | "+CGREG" | "+CEREG" | "+COPS" | "+CSQ" | "+CUSD" => network::run(book, command),
        "+CSCA" | "+CPMS" | "+CMGR" | "+CMGD" | "+CMGL" | "+CNMI" | "+CNMA" | "+CMGS" => {
            memory::run(book, command)
        }
        "+CGMI" | "+GMI" => Reply::line(book.rules.manufacturer.clone()),
        "+CGMM" | "+GMM" => Reply::line(book.rules.model.clone()),
        "+CGMR" | "+GMR" => Reply::line(book.rules.revision.clone()),
        "+CGSN" | "+GSN" => Reply::line(book.rules.imei.clone()),
        "+GCAP" => Reply::line("+GCAP: +CGSM,+DS,+ES"),
        "+CLAC" => Reply::Done(KNOWN.split_whitespace().map(|name| format!("AT{name}")).collect()),
        "I" => {
            let rules = &book.rules;
            Reply::Done(vec![rules.manufacturer.clone(), rules.model.clone(), rules.revision.clone()])
        }
        _ => setting(book, command),
    }
}

fn setting(book: &mut Book, command: &Command) -> Reply {
    let refuses_pdu_mode = command.name == "+CMGF"
        && command.number(0) == Some(0)
        && book.suffers("AT+CMGF", &ModemFault::RefusesPduMode);
    let settings = &mut book.settings;
    let value = command.number(0).unwrap_or(0);
    match (command.name.as_str(), &command.kind) {
        ("Z" | "&F", _) => *settings = Settings::default(),
        ("E", _) => settings.echo = value != 0,
        ("V", _) => settings.verbose = value != 0,
        ("Q" | "X" | "S" | "&C" | "&D" | "&S" | "&W" | "&K" | "H", _) => {}
        ("+CMEE", Kind::Set(_)) if value <= 2 => settings.cmee = value,
        ("+CMEE", Kind::Read) => return Reply::line(format!("+CMEE: {}", settings.cmee)),
        ("+CMGF", Kind::Set(_)) if value <= 1 && !refuses_pdu_mode => settings.text_mode = value == 1,
        ("+CMGF", Kind::Read) => return Reply::line(format!("+CMGF: {}", u8::from(settings.text_mode))),
        ("+CMGF", Kind::Test) => return Reply::line("+CMGF: (0,1)"),
        ("+CSCS", Kind::Set(_)) => match command.parameter(0) {
            charset @ ("GSM" | "IRA" | "UCS2") => settings.charset = charset.to_owned(),
            _ => return Reply::error(),
        },
        ("+CSCS", Kind::Read) => return Reply::line(format!("+CSCS: \"{}\"", settings.charset)),
        ("+CSCS", Kind::Test) => return Reply::line("+CSCS: (\"GSM\",\"IRA\",\"UCS2\")"),
        ("+CSMP", Kind::Set(_)) => {
            for (place, kept) in settings.csmp.iter_mut().enumerate() {
                *kept = command.number(place).unwrap_or(*kept);
            }
        }
        ("+CSMP", Kind::Read) => {
            let [first, validity, protocol, coding] = settings.csmp;
            return Reply::line(format!("+CSMP: {first},{validity},{protocol},{coding}"));
        }
        ("+CSMS", Kind::Set(_)) if value <= 1 => {
            settings.csms = value;
            return Reply::line("+CSMS: 1,1,1");
        }
        ("+CSMS", Kind::Read) => return Reply::line(format!("+CSMS: {},1,1,1", settings.csms)),
        ("+CSMS", Kind::Test) => return Reply::line("+CSMS: (0,1)"),
        ("+CMMS", Kind::Set(_)) if value <= 2 => settings.cmms = value,
        ("+CMMS", Kind::Read) => return Reply::line(format!("+CMMS: {}", settings.cmms)),
        ("+CMMS", Kind::Test) => return Reply::line("+CMMS: (0-2)"),
        ("+CFUN", Kind::Set(_)) if command.number(1) == Some(1) => return Reply::Reset,
        ("+CFUN", Kind::Set(_)) if matches!(value, 0 | 1 | 4) => settings.functional = value,
        ("+CFUN", Kind::Read) => return Reply::line(format!("+CFUN: {}", settings.functional)),
        ("+CFUN", Kind::Test) => return Reply::line("+CFUN: (0,1,4),(0,1)"),
        ("+CLIP" | "+CBST" | "+CRC" | "+CMOD" | "+FCLASS", Kind::Set(_)) => {}
        _ => return unknown(book),
    }
    Reply::ok()
}

fn unknown(book: &Book) -> Reply {
    match book.rules.unknown_command.as_str() {
        "ERROR" => Reply::error(),
        words => Reply::Failed(Final::Words(words.to_owned())),
    }
}
