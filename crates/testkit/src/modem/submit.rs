//! `AT+CMGS` from its prompt to the answer of the network.

use std::time::Duration;

use tokio::time::Instant;

use super::commands::{Entry, Final};
use super::engine::Engine;
use super::fault::{ModemFault, Place};
use super::network::{is_registered, registration};
use super::pdu::{PduError, ReadSubmit, StatusReport, Validity};
use super::sms::SentPart;
use super::state::{Book, DueReport};
use super::wire::Gone;

const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;
const BACKSPACE: u8 = 8;

/// So that a program has read the answer before the tty goes: what it did not read is lost with it.
const READ_TIME: Duration = Duration::from_millis(50);

impl Engine {
    /// Prompt, entry, network. The result code that ends the command.
    pub(super) async fn submit(&mut self, entry: Entry) -> Result<Final, Gone> {
        let refuses = |fault: &ModemFault| matches!(fault, ModemFault::RefusesPrompt(_));
        if let Some(ModemFault::RefusesPrompt(code)) = self.draw("", refuses) {
            return Ok(Final::Cms(code));
        }
        self.wire.noise().await?;
        self.prompt().await?;
        let Some(typed) = self.typed().await? else { return Ok(Final::Ok) };
        let typed = String::from_utf8_lossy(&typed).into_owned();
        let read = match &entry {
            Entry::Pdu(length) => ReadSubmit::read(&typed, *length),
            Entry::Text(to) => Ok(in_text_mode(&self.state.book(), to, &typed)),
        };
        let pdu = if matches!(entry, Entry::Pdu(_)) { typed } else { String::new() };
        match read {
            Ok(submit) => self.transmit(submit, pdu).await,
            Err(error) => {
                self.state.book().bad_pdus.push((pdu, error));
                Ok(Final::Cms(304))
            }
        }
    }

    async fn prompt(&mut self) -> Result<(), Gone> {
        let unusual = |fault: &ModemFault| matches!(fault, ModemFault::NoPrompt | ModemFault::BarePrompt);
        match self.draw("", unusual) {
            Some(ModemFault::NoPrompt) => Ok(()),
            Some(_) => self.wire.raw(b"\n>").await,
            None => self.wire.text("\r\n> ").await,
        }
    }

    /// What is typed up to Ctrl-Z; `None` = ESC. Waits for ever if neither comes, as a modem does.
    pub(super) async fn typed(&mut self) -> Result<Option<Vec<u8>>, Gone> {
        let mut typed = Vec::new();
        loop {
            let byte = self.wire.byte().await?;
            let settings = self.state.book().settings.clone();
            if settings.echo && byte != ESCAPE {
                self.wire.raw(&[byte]).await?;
            }
            match byte {
                CTRL_Z => return Ok(Some(typed)),
                ESCAPE => return Ok(None),
                BACKSPACE => drop(typed.pop()),
                b'\r' if settings.text_mode => {
                    typed.push(b'\n');
                    self.wire.text("\r\n> ").await?;
                }
                b'\r' | b'\n' => {}
                other => typed.push(other),
            }
        }
    }

    /// The network takes it, or not.
    async fn transmit(&mut self, submit: ReadSubmit, pdu: String) -> Result<Final, Gone> {
        let more_parts = submit.part.is_some_and(|part| part.number < part.total);
        let fault = self.draw(&submit.to, |fault| strikes_the_network(fault, more_parts));
        let mut time = self.state.book().rules.time_per_part;
        if let Some(ModemFault::SlowNetwork(extra)) = fault {
            time += extra;
        }
        self.wire.busy(time).await?;
        self.wire.noise().await?;
        if let Some(code) = refusal(&mut self.state.book(), &submit) {
            return Ok(Final::Cms(code));
        }
        match fault {
            Some(ModemFault::Cms(code)) => return Ok(Final::Cms(code)),
            Some(ModemFault::Cme(code)) => return Ok(Final::Cme(code)),
            Some(ModemFault::Error) => return Ok(Final::Error),
            Some(ModemFault::OkThoughFailed) => return Ok(Final::Ok),
            Some(ModemFault::SilentNotSent) => return Ok(Final::Nothing),
            Some(ModemFault::DiesNotSent) => return Err(Gone),
            Some(ModemFault::LosesNetwork) => {
                self.wire.line("+CREG: 2").await?;
                return Ok(Final::Cms(331));
            }
            _ => {}
        }
        let reference = self.record(submit, pdu).await?;
        match fault {
            Some(ModemFault::SilentButSent) => return Ok(Final::Nothing),
            Some(ModemFault::DiesButSent) => return Err(Gone),
            _ => {}
        }
        self.wire.line(&format!("+CMGS: {reference}")).await?;
        self.wire.noise().await?;
        match fault {
            Some(ModemFault::ReferenceWithoutOk) => Ok(Final::Nothing),
            Some(ModemFault::DiesBetweenParts) => {
                self.finish(&Final::Ok).await?;
                tokio::time::sleep(READ_TIME).await;
                Err(Gone)
            }
            _ => Ok(Final::Ok),
        }
    }

    /// The network has it: it counts as sent, and its report is on the way.
    async fn record(&mut self, submit: ReadSubmit, pdu: String) -> Result<u8, Gone> {
        let of_report = |fault: &ModemFault| {
            matches!(fault, ModemFault::ReportTwice | ModemFault::ReportBeforeOk | ModemFault::ReportLost)
        };
        let fault = if submit.wants_report { self.draw(&submit.to, of_report) } else { None };
        let (reference, report) = {
            let mut book = self.state.book();
            let reference = book.next_reference();
            let report = report(&book, &submit, reference);
            book.parts.push(SentPart { reference, submit, pdu });
            (reference, report)
        };
        match (report, fault) {
            (None, _) | (_, Some(ModemFault::ReportLost)) => {}
            (Some(due), Some(ModemFault::ReportBeforeOk)) => self.hand_over(due.report).await?,
            (Some(due), fault) => {
                let mut book = self.state.book();
                if fault == Some(ModemFault::ReportTwice) {
                    book.reports.push_back(due.clone());
                }
                book.reports.push_back(due);
            }
        }
        Ok(reference)
    }

    /// What is planned for an SMS to that number; an empty one before the number is known.
    fn draw(&self, number: &str, wanted: impl Fn(&ModemFault) -> bool) -> Option<ModemFault> {
        let place = Place { command: &self.command, number };
        self.state.book().plan.draw(place, wanted)
    }
}

fn strikes_the_network(fault: &ModemFault, more_parts: bool) -> bool {
    match fault {
        ModemFault::DiesBetweenParts => more_parts,
        ModemFault::Cms(_)
        | ModemFault::Cme(_)
        | ModemFault::Error
        | ModemFault::OkThoughFailed
        | ModemFault::SilentNotSent
        | ModemFault::SilentButSent
        | ModemFault::DiesNotSent
        | ModemFault::DiesButSent
        | ModemFault::LosesNetwork
        | ModemFault::SlowNetwork(_)
        | ModemFault::ReferenceWithoutOk => true,
        _ => false,
    }
}

/// The modem's own reasons not to send.
fn refusal(book: &mut Book, submit: &ReadSubmit) -> Option<u16> {
    if book.stored.iter().all(Option::is_some) {
        return Some(322);
    }
    if submit.service_centre.is_none() && book.card.smsc.is_none() {
        return Some(330);
    }
    (!is_registered(registration(book, "+CMGS"))).then_some(331)
}

fn report(book: &Book, submit: &ReadSubmit, reference: u8) -> Option<DueReport> {
    let rules = &book.rules.reports;
    let status = rules.status.filter(|_| submit.wants_report)?;
    let taken = Book::network_time();
    // a German number: what a network at home writes without its country
    let national = submit.to.strip_prefix("+49").filter(|_| rules.national);
    let report = StatusReport {
        reference,
        recipient: national.map_or_else(|| submit.to.clone(), |digits| format!("0{digits}")),
        taken,
        discharged: taken,
        status,
        service_centre: book.card.smsc.clone().unwrap_or_else(|| "+491710760000".to_owned()),
    };
    Some(DueReport { due: Instant::now() + rules.delay, report })
}

/// `AT+CSMP` says what a PDU would.
fn in_text_mode(book: &Book, to: &str, typed: &str) -> ReadSubmit {
    let [first, validity, protocol, coding] = book.settings.csmp;
    let text = match book.settings.charset.as_str() {
        "UCS2" => super::network::ucs2_text(typed).unwrap_or_else(|| typed.to_owned()),
        _ => typed.to_owned(),
    };
    let minutes = (u64::from(validity) + 1) * 5;
    let is_relative = first >> 3 & 0b11 == 0b10 && validity <= 143;
    ReadSubmit {
        to: to.to_owned(),
        text,
        part: None,
        validity: is_relative.then(|| Validity::Relative(Duration::from_secs(minutes * 60))),
        wants_report: first & 0x20 != 0,
        rejects_duplicates: first & 0x04 != 0,
        coding,
        protocol,
        service_centre: None,
    }
}

/// Kept for the handle: a PDU that the modem did not take, and why.
pub(super) type BadPdu = (String, PduError);
