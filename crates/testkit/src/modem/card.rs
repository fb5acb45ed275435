//! The SIM: PIN and PUK with their tries, and what cannot be had before they are right.

use super::commands::{Final, Reply};
use super::fault::ModemFault;
use super::parse::{Command, Kind};
use super::state::Book;

/// The SIM's state, as `AT+CPIN?` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardState {
    Ready,
    Pin,
    Puk,
    Absent,
}

impl CardState {
    /// The error of commands that need the SIM: TS 27.007 §9.2.1.
    pub(super) fn cme(self) -> Option<u16> {
        match self {
            Self::Ready => None,
            Self::Absent => Some(10),
            Self::Pin => Some(11),
            Self::Puk => Some(12),
        }
    }

    /// The same for SMS commands: TS 27.005 §3.2.5.
    pub(super) fn cms(self) -> Option<u16> {
        match self {
            Self::Ready => None,
            Self::Absent => Some(310),
            Self::Pin => Some(311),
            Self::Puk => Some(316),
        }
    }
}

/// The SIM as it is now, with what is planned for this command.
pub(super) fn state(book: &mut Book, command: &str) -> CardState {
    let command = format!("AT{command}");
    if book.suffers(&command, &ModemFault::NoSim) {
        return CardState::Absent;
    }
    if book.suffers(&command, &ModemFault::PukNeeded) || book.card.pin_tries == 0 {
        return CardState::Puk;
    }
    if book.card.unlocked { CardState::Ready } else { CardState::Pin }
}

pub(super) fn run(book: &mut Book, command: &Command) -> Reply {
    let state = state(book, &command.name);
    if state == CardState::Absent {
        return Reply::Failed(Final::Cme(10));
    }
    match (command.name.as_str(), &command.kind) {
        ("+CPIN", Kind::Read) => Reply::line(match state {
            CardState::Pin => "+CPIN: SIM PIN",
            CardState::Puk => "+CPIN: SIM PUK",
            _ => "+CPIN: READY",
        }),
        ("+CPIN", Kind::Set(_)) => enter(book, command, state),
        ("+CPINR", Kind::Do | Kind::Set(_)) if book.rules.has_cpinr => Reply::Done(vec![
            format!("+CPINR: SIM PIN,{},3", book.card.pin_tries),
            format!("+CPINR: SIM PUK,{},10", book.card.puk_tries),
        ]),
        ("+CSIM", Kind::Set(_)) => verify_empty(book, command),
        ("+CIMI", Kind::Do) => match state.cme() {
            Some(code) => Reply::Failed(Final::Cme(code)),
            None => Reply::line(book.rules.imsi.clone()),
        },
        _ => Reply::error(),
    }
}

fn enter(book: &mut Book, command: &Command, state: CardState) -> Reply {
    let given = command.parameter(0);
    match state {
        CardState::Ready | CardState::Absent => Reply::Failed(Final::Cme(3)),
        CardState::Pin if book.rules.pin.as_deref() == Some(given) => {
            book.card.unlocked = true;
            book.card.pin_tries = 3;
            Reply::ok()
        }
        CardState::Pin => {
            book.card.pin_tries -= 1; // the state is Pin, so one was left
            Reply::Failed(Final::Cme(16))
        }
        CardState::Puk if given == book.rules.puk && !command.parameter(1).is_empty() => {
            book.rules.pin = Some(command.parameter(1).to_owned());
            book.card.pin_tries = 3;
            book.card.unlocked = true;
            Reply::ok()
        }
        CardState::Puk => {
            book.card.puk_tries = book.card.puk_tries.saturating_sub(1);
            Reply::Failed(Final::Cme(if command.parameter(1).is_empty() { 12 } else { 16 }))
        }
    }
}

/// VERIFY with an empty PIN, TS 102 221 §11.1.9: SW 63Cx tells the tries left and uses none up; 9000 when no PIN is
/// asked for, 6983 when it is blocked.
fn verify_empty(book: &Book, command: &Command) -> Reply {
    match command.parameter(1) {
        "0020000100" if book.card.pin_tries == 0 => Reply::line("+CSIM: 4,\"6983\""),
        "0020000100" if book.rules.pin.is_none() => Reply::line("+CSIM: 4,\"9000\""),
        "0020000100" => Reply::line(format!("+CSIM: 4,\"63C{}\"", book.card.pin_tries)),
        _ => Reply::line("+CSIM: 4,\"6D00\""),
    }
}
