//! Registration, operator, signal and USSD.

use data_encoding::HEXUPPER;

use super::card::{self, CardState};
use super::commands::{Final, Reply};
use super::fault::ModemFault;
use super::parse::{Command, Kind};
use super::pdu::{packed, to_septets};
use super::rules::UssdForm;
use super::state::Book;

/// The registration now, with what is planned for this command.
pub(super) fn registration(book: &mut Book, command: &str) -> u8 {
    if card::state(book, command) != CardState::Ready || book.settings.functional != 1 {
        return 0;
    }
    let command = format!("AT{command}");
    let planned =
        [(ModemFault::NotRegistered, 2), (ModemFault::RegistrationDenied, 3), (ModemFault::Roaming, 5)];
    let planned = planned.into_iter().find(|(fault, _)| book.suffers(&command, fault));
    planned.map_or(book.rules.registration, |(_, registration)| registration)
}

/// Whether an SMS gets through: at home, roaming, or registered for SMS only (TS 27.007 §7.2).
pub(super) fn is_registered(registration: u8) -> bool {
    matches!(registration, 1 | 5 | 6 | 7)
}

pub(super) fn run(book: &mut Book, command: &Command) -> Reply {
    match (command.name.as_str(), &command.kind) {
        ("+CSQ", Kind::Do) => Reply::line(format!("+CSQ: {},99", book.rules.signal)),
        ("+COPS", Kind::Set(_)) => Reply::ok(),
        ("+COPS", Kind::Read) if is_registered(registration(book, "+COPS")) => {
            Reply::line(format!("+COPS: 0,0,\"{}\",7", book.rules.operator))
        }
        ("+COPS", Kind::Read) => Reply::line("+COPS: 0"),
        ("+CUSD", Kind::Set(_)) => ussd(book, command),
        ("+CUSD", Kind::Read) => Reply::line("+CUSD: 0"),
        (name @ ("+CREG" | "+CGREG" | "+CEREG"), kind) => registered(book, name, kind, command),
        _ => Reply::error(),
    }
}

fn registered(book: &mut Book, name: &str, kind: &Kind, command: &Command) -> Reply {
    let place = ["+CREG", "+CGREG", "+CEREG"].iter().position(|own| *own == name).unwrap_or(0);
    match kind {
        Kind::Set(_) if command.number(0).is_some_and(|mode| mode <= 2) => {
            book.settings.creg[place] = command.number(0).unwrap_or(0);
            Reply::ok()
        }
        Kind::Read => {
            let mode = book.settings.creg[place];
            let registration = registration(book, name);
            let cell = if mode == 2 { ",\"00C3\",\"0001A2B3\",7" } else { "" };
            Reply::line(format!("{name}: {mode},{registration}{cell}"))
        }
        Kind::Test => Reply::line(format!("{name}: (0-2)")),
        _ => Reply::error(),
    }
}

fn ussd(book: &mut Book, command: &Command) -> Reply {
    if command.number(0) != Some(1) || command.parameter(1).is_empty() {
        return Reply::ok(); // it switches the presentation on or off, or ends a session
    }
    if !is_registered(registration(book, "+CUSD")) {
        return Reply::Failed(Final::Cme(30));
    }
    let code = match book.settings.charset.as_str() {
        "UCS2" => ucs2_text(command.parameter(1)).unwrap_or_else(|| command.parameter(1).to_owned()),
        _ => command.parameter(1).to_owned(),
    };
    let Some(answer) = book.rules.ussd.get(&code) else {
        return Reply::Later("+CUSD: 4".to_owned());
    };
    let is_ucs2 = book.rules.ussd_form == UssdForm::Ucs2Hex || book.settings.charset == "UCS2";
    Reply::Later(match book.rules.ussd_form {
        UssdForm::PackedHex => {
            let septets = to_septets(answer).unwrap_or_default();
            format!("+CUSD: 0,\"{}\",15", HEXUPPER.encode(&packed(&septets)))
        }
        _ if is_ucs2 => format!("+CUSD: 0,\"{}\",72", HEXUPPER.encode(&ucs2(answer))),
        _ => format!("+CUSD: 0,\"{answer}\",15"),
    })
}

fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// The text of UCS-2 in hex; `None` when it is no hex.
pub(super) fn ucs2_text(hex: &str) -> Option<String> {
    HEXUPPER.decode(hex.to_ascii_uppercase().as_bytes()).ok().map(|octets| super::pdu::from_ucs2(&octets))
}
