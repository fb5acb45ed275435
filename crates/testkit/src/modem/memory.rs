//! The service centre, the message storage and the routing of delivery reports; the beginning of `AT+CMGS`.

use super::card;
use super::commands::{Entry, Final, Reply};
use super::fault::ModemFault;
use super::network::ucs2_text;
use super::parse::{Command, Kind};
use super::rules::CnmiSupport;
use super::state::{Book, Stored};

/// A received SMS that fills a place: 3GPP TS 23.040 SMS-DELIVER, "hello" from +491701234567.
const OLD_MESSAGE: &str = "07919471016700000 40C919471103254760000621150412034800 5E8329BFD06";

pub(super) fn run(book: &mut Book, command: &Command) -> Reply {
    if let Some(code) = card::state(book, &command.name).cms() {
        return Reply::Failed(Final::Cms(code));
    }
    if book.suffers(&format!("AT{}", command.name), &ModemFault::StorageFull) {
        fill(book);
    }
    let index = command.parameter(0).parse::<usize>().unwrap_or(0);
    match (command.name.as_str(), &command.kind) {
        ("+CSCA", Kind::Read) => {
            Reply::line(format!("+CSCA: \"{}\",145", book.card.smsc.as_deref().unwrap_or_default()))
        }
        ("+CSCA", Kind::Set(_)) => {
            book.card.smsc = Some(command.parameter(0).to_owned()).filter(|number| !number.is_empty());
            Reply::ok()
        }
        ("+CPMS", _) => storages(book, command),
        ("+CMGR", Kind::Set(_)) => read(book, index),
        ("+CMGL", _) => list(book),
        ("+CMGD", Kind::Set(_)) => delete(book, index, command.number(1).unwrap_or(0)),
        ("+CNMI", _) => routing(book, command),
        ("+CNMA", Kind::Do | Kind::Set(_)) if book.unacknowledged.take().is_some() => Reply::ok(),
        ("+CNMA", _) => Reply::Failed(Final::Cms(340)),
        ("+CMGS", Kind::Set(_)) => begin(book, command),
        ("+CMGS", Kind::Test) => Reply::ok(),
        _ => Reply::error(),
    }
}

fn begin(book: &Book, command: &Command) -> Reply {
    if book.settings.text_mode {
        let given = command.parameter(0);
        let hex = if book.settings.charset == "UCS2" { ucs2_text(given) } else { None };
        return match given {
            "" => Reply::Failed(Final::Cms(304)),
            _ => Reply::Entry(Entry::Text(hex.unwrap_or_else(|| given.to_owned()))),
        };
    }
    match command.parameter(0).parse() {
        Ok(length @ 7..=164) => Reply::Entry(Entry::Pdu(length)), // a TPDU has at most 164 octets
        _ => Reply::Failed(Final::Cms(304)),
    }
}

fn storages(book: &mut Book, command: &Command) -> Reply {
    let used = book.stored.iter().flatten().filter(|stored| !stored.is_report).count();
    let size = book.stored.len();
    match &command.kind {
        Kind::Test => Reply::line(match book.rules.cnmi {
            CnmiSupport::DirectOnly | CnmiSupport::None => {
                "+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")"
            }
            _ => "+CPMS: (\"SM\",\"ME\",\"SR\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")",
        }),
        Kind::Read => {
            let one = format!("\"{}\",{used},{size}", book.settings.storage);
            Reply::line(format!("+CPMS: {one},\"SM\",{used},{size},\"SM\",{used},{size}"))
        }
        Kind::Set(_) if matches!(command.parameter(0), "SM" | "ME" | "SR") => {
            book.settings.storage = command.parameter(0).to_owned();
            Reply::line(format!("+CPMS: {used},{size},{used},{size},{used},{size}"))
        }
        _ => Reply::error(),
    }
}

/// Whether the chosen storage, "SR" or another, shows it.
fn shows(book: &Book, stored: &Stored) -> bool {
    stored.is_report == (book.settings.storage == "SR")
}

fn read(book: &mut Book, index: usize) -> Reply {
    let wants_reports = book.settings.storage == "SR";
    let place = index.checked_sub(1).and_then(|place| book.stored.get_mut(place));
    match place.and_then(Option::as_mut).filter(|stored| stored.is_report == wants_reports) {
        Some(stored) => {
            let status = u8::from(std::mem::replace(&mut stored.read, true));
            Reply::Done(vec![format!("+CMGR: {status},,{}\r\n{}", stored.length, stored.pdu)])
        }
        None => Reply::Failed(Final::Cms(321)),
    }
}

fn list(book: &Book) -> Reply {
    let shown = book.stored.iter().enumerate().filter_map(|(place, stored)| Some((place, stored.as_ref()?)));
    let lines = shown.filter(|(_, stored)| shows(book, stored)).map(|(place, stored)| {
        format!("+CMGL: {},{},,{}\r\n{}", place + 1, u8::from(stored.read), stored.length, stored.pdu)
    });
    Reply::Done(lines.collect())
}

/// TS 27.005 §3.5.4: 0 that index, 1..3 what was read (and sent), 4 everything.
fn delete(book: &mut Book, index: usize, which: u8) -> Reply {
    let chosen = book.settings.storage.clone();
    let of_storage = |stored: &Stored| stored.is_report == (chosen == "SR");
    match (which, index.checked_sub(1).and_then(|place| book.stored.get_mut(place))) {
        (0, Some(place)) if place.as_ref().is_some_and(of_storage) => *place = None,
        (0, _) => return Reply::Failed(Final::Cms(321)),
        (flag, _) => {
            for place in &mut book.stored {
                if place.as_ref().is_some_and(|stored| of_storage(stored) && (flag == 4 || stored.read)) {
                    *place = None;
                }
            }
        }
    }
    Reply::ok()
}

fn routing(book: &mut Book, command: &Command) -> Reply {
    match &command.kind {
        Kind::Test => Reply::line(match book.rules.cnmi {
            CnmiSupport::All | CnmiSupport::Qualcomm => "+CNMI: (0-3),(0-3),(0,2),(0-2),(0,1)",
            CnmiSupport::DirectOnly => "+CNMI: (0-3),(0-3),(0,2),(0,1),(0,1)",
            CnmiSupport::None => "+CNMI: (0-2),(0,1),(0),(0),(0,1)",
        }),
        Kind::Read => {
            let [mode, mt, bm, ds, buffer] = book.settings.cnmi;
            Reply::line(format!("+CNMI: {mode},{mt},{bm},{ds},{buffer}"))
        }
        Kind::Set(_) if book.suffers("AT+CNMI", &ModemFault::RefusesCnmi) => {
            Reply::Failed(Final::Cms(303)) // operation not supported
        }
        Kind::Set(_) => {
            let mut wanted = book.settings.cnmi;
            for (place, value) in wanted.iter_mut().enumerate() {
                *value = command.number(place).unwrap_or(*value);
            }
            let takes = match book.rules.cnmi {
                CnmiSupport::All => wanted[3] <= 2,
                CnmiSupport::Qualcomm => matches!(wanted[3], 0 | 2),
                CnmiSupport::DirectOnly => wanted[3] <= 1,
                CnmiSupport::None => wanted[3] == 0,
            };
            if !takes || wanted[0] > 3 {
                return Reply::Failed(Final::Cms(303));
            }
            book.settings.cnmi = wanted;
            Reply::ok()
        }
        Kind::Do => Reply::error(),
    }
}

fn fill(book: &mut Book) {
    let pdu = OLD_MESSAGE.replace(' ', "");
    let length = pdu.len() / 2 - 8;
    while book.store(Stored { pdu: pdu.clone(), length, is_report: false, read: true }).is_some() {}
}
