//! What the mail server has seen and what it is going to do next.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::act::{Act, Stage};

/// Shared by the handle and all connections.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Book>);

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) always: HashMap<Stage, Act>,
    pub(super) next: HashMap<Stage, VecDeque<Act>>,
    pub(super) recipients: HashMap<String, Act>,
    pub(super) mails: Vec<Mail>,
    pub(super) commands: Vec<(usize, String)>,
}

/// A mail whose final dot came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address in MAIL FROM, without its angle brackets.
    pub sender: String,
    /// MAIL's parameters, such as `BODY=8BITMIME`.
    pub parameters: String,
    /// The addresses in RCPT TO that were taken.
    pub recipients: Vec<String>,
    /// Header and body as they are meant: the dots that SMTP adds are taken off.
    pub data: Vec<u8>,
    /// The number of its connection, the first being 1.
    pub connection: usize,
    /// Whether it came over TLS.
    pub secure: bool,
    /// Whether the client showed a certificate.
    pub client_certificate: bool,
    /// Who logged in.
    pub user: Option<String>,
}

impl State {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens now at `stage`; `None` = the ordinary.
    pub(super) fn draw(&self, stage: Stage) -> Option<Act> {
        let mut book = self.book();
        let next = book.next.get_mut(&stage).and_then(VecDeque::pop_front);
        next.or_else(|| book.always.get(&stage).cloned())
    }

    /// What happens at the RCPT for `address`.
    pub(super) fn draw_for(&self, address: &str) -> Option<Act> {
        let own = self.book().recipients.get(address).cloned();
        own.or_else(|| self.draw(Stage::Recipient))
    }
}
