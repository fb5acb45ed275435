//! What a modem knows: its plan, its settings, its SIM, and all that it "sent".

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fault::{ModemFault, Place, Plan};
use super::pdu::StatusReport;
use super::rules::SimRules;
use super::sms::SentPart;
use super::submit::BadPdu;

/// Shared by the handle and the modem's thread.
#[derive(Debug)]
pub(super) struct State {
    book: Mutex<Book>,
    /// There is something to say.
    pub(super) poke: Notify,
}

#[derive(Debug)]
pub(super) struct Book {
    pub(super) rules: SimRules,
    pub(super) plan: Plan,
    pub(super) settings: Settings,
    pub(super) card: Card,
    pub(super) hung: Option<ModemFault>,
    pub(super) parts: Vec<SentPart>,
    pub(super) reports: VecDeque<DueReport>,
    pub(super) stored: Vec<Option<Stored>>,
    pub(super) reference: u8,
    pub(super) commands: Vec<String>,
    pub(super) tty: Option<std::path::PathBuf>,
    pub(super) visitors: usize,
    pub(super) openings: usize,
    pub(super) boots: usize,
    pub(super) bytes_lost: usize,
    pub(super) bad_pdus: Vec<BadPdu>,
    pub(super) unsolicited: Vec<String>,
    /// Since when a report waits for its `AT+CNMA`.
    pub(super) unacknowledged: Option<Instant>,
}

/// What `ATZ`, `AT&F` and a reset put back.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) echo: bool,
    pub(super) verbose: bool,
    pub(super) cmee: u8,
    pub(super) text_mode: bool,
    pub(super) charset: String,
    pub(super) csmp: [u8; 4],
    pub(super) csms: u8,
    pub(super) cmms: u8,
    pub(super) cnmi: [u8; 5],
    pub(super) creg: [u8; 3],
    pub(super) storage: String,
    pub(super) functional: u8,
}

/// What the SIM itself remembers, over every reset.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) pin_tries: u8,
    pub(super) puk_tries: u8,
    pub(super) unlocked: bool,
    pub(super) smsc: Option<String>,
}

/// A report that the network has not handed over yet.
#[derive(Debug, Clone)]
pub(super) struct DueReport {
    pub(super) due: Instant,
    pub(super) report: StatusReport,
}

/// A place of the message storage that is taken.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) pdu: String,
    pub(super) length: usize,
    pub(super) is_report: bool,
    pub(super) read: bool,
}

impl State {
    pub(super) fn new(rules: SimRules) -> Self {
        let card = Card {
            pin_tries: rules.pin_tries,
            puk_tries: 10,
            unlocked: rules.pin.is_none(),
            smsc: rules.smsc.clone(),
        };
        let book = Mutex::new(Book {
            reference: rules.first_reference,
            stored: vec![None; rules.storage_size],
            rules,
            plan: Plan::default(),
            settings: Settings::default(),
            card,
            hung: None,
            parts: Vec::new(),
            reports: VecDeque::new(),
            commands: Vec::new(),
            tty: None,
            visitors: 0,
            openings: 0,
            boots: 0,
            bytes_lost: 0,
            bad_pdus: Vec::new(),
            unsolicited: Vec::new(),
            unacknowledged: None,
        });
        Self { book, poke: Notify::new() }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this fault comes up here; uses up one of its turns.
    pub(super) fn strikes(&self, command: &str, fault: &ModemFault) -> bool {
        let place = Place { command, number: "" };
        self.book().plan.draw(place, |planned| planned == fault).is_some()
    }
}

impl Book {
    /// As after power on: the settings are gone and the SIM asks for its PIN again.
    pub(super) fn boot(&mut self) {
        self.settings = Settings::default();
        self.card.unlocked = self.rules.pin.is_none() && self.card.pin_tries > 0;
        self.hung = None;
        self.unacknowledged = None;
        self.boots += 1;
    }

    /// The next message reference; after 255 comes 0.
    pub(super) fn next_reference(&mut self) -> u8 {
        let reference = self.reference;
        self.reference = reference.wrapping_add(1);
        reference
    }

    /// Puts it into the first free place and says which, counted from 1.
    pub(super) fn store(&mut self, message: Stored) -> Option<usize> {
        let place = self.stored.iter().position(Option::is_none)?;
        self.stored[place] = Some(message);
        Some(place + 1)
    }

    /// A report comes: with `AT+CSMS=1` it wants an `AT+CNMA`, and when the last one got none in time, nothing more is
    /// routed.
    pub(super) fn expect_acknowledgement(&mut self) {
        let waited = self.unacknowledged.map(|since| since.elapsed());
        if waited.is_some_and(|waited| waited > self.rules.acknowledge_within) {
            self.settings.cnmi[1] = 0;
            self.settings.cnmi[3] = 0;
            self.unacknowledged = None;
        }
        if self.settings.csms == 1 && self.settings.cnmi[3] == 1 {
            self.unacknowledged.get_or_insert_with(Instant::now);
        }
    }

    /// The clock of the simulated network.
    #[expect(
        clippy::disallowed_methods,
        reason = "the network of the simulated modem has a clock of its own"
    )]
    pub(super) fn network_time() -> Timestamp {
        Timestamp::now()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            echo: true,
            verbose: true,
            cmee: 0,
            text_mode: true,
            charset: "GSM".to_owned(),
            csmp: [17, 167, 0, 0],
            csms: 0,
            cmms: 0,
            cnmi: [0; 5],
            creg: [0; 3],
            storage: "SM".to_owned(),
            functional: 1,
        }
    }
}
