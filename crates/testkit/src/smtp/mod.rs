//! A mail server that keeps every mail and misbehaves exactly as told, at each step of the dialogue.

mod act;
mod certificates;
mod offer;
mod serve;
mod state;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::door::Door;
use crate::wait_until;
use state::State;

pub use act::{Act, Stage};
pub use certificates::{Authority, Issued};
pub use offer::Offer;
pub use state::Mail;

/// Time for mails to arrive, with room for a loaded machine.
const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// An SMTP server on a free loopback port that takes every mail until it is told otherwise. Dropped = refused from
/// that moment on, and every connection ends.
#[derive(Debug)]
pub struct SmtpSink {
    door: Door,
    state: Arc<State>,
}

impl SmtpSink {
    /// Starts one; it serves when this returns.
    ///
    /// # Panics
    /// When the system has no free port left.
    pub async fn start(offer: Offer) -> Self {
        let state = Arc::new(State::default());
        let offer = Arc::new(offer);
        let of_connections = Arc::clone(&state);
        let door =
            Door::open(move |visitor| serve::serve(Arc::clone(&of_connections), Arc::clone(&offer), visitor));
        Self { door, state }
    }

    /// Where it listens; stays the same over [`refuse`](Self::refuse).
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// From now on does this at `stage`, unless something else is planned for the next ones.
    pub fn always(&self, stage: Stage, act: Act) {
        self.state.book().always.insert(stage, act);
    }

    /// Does this the next `n` times that `stage` is reached, after those that are planned already.
    pub fn next(&self, n: usize, stage: Stage, act: Act) {
        self.state.book().next.entry(stage).or_default().extend(vec![act; n]);
    }

    /// Does this at every RCPT for `address`, whatever is planned for the others.
    pub fn for_recipient(&self, address: impl Into<String>, act: Act) {
        self.state.book().recipients.insert(address.into(), act);
    }

    /// Forgets all that is planned and takes everything again.
    pub fn recover(&self) {
        let mut book = self.state.book();
        book.always.clear();
        book.next.clear();
        book.recipients.clear();
    }

    /// Refuses connections, and ends those that are open.
    ///
    /// # Panics
    /// When open connections do not end in 30 s.
    pub async fn refuse(&self) {
        self.door.close();
        self.wait_for_open(0).await;
    }

    /// Ends every open connection, and goes on to take new ones.
    ///
    /// # Panics
    /// When open connections do not end in 30 s.
    pub async fn hang_up(&self) {
        self.door.dismiss();
        self.wait_for_open(0).await;
    }

    /// Takes connections again, on the same port.
    pub fn listen(&self) {
        self.door.reopen();
    }

    /// Every mail whose final dot came, whatever it was answered, in that order.
    pub fn mails(&self) -> Vec<Mail> {
        self.state.book().mails.clone()
    }

    /// Every command that came, with the number of its connection, the first being 1. Of AUTH only the mechanism.
    pub fn commands(&self) -> Vec<(usize, String)> {
        self.state.book().commands.clone()
    }

    /// How often a command that begins with `verb` came.
    pub fn count(&self, verb: &str) -> usize {
        self.state.book().commands.iter().filter(|(_, command)| command.starts_with(verb)).count()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.door.accepted()
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.door.visiting()
    }

    /// Waits until at least `n` mails have come, and hands out all of them.
    ///
    /// # Panics
    /// After 30 s, with the commands that came.
    pub async fn wait_for_mails(&self, n: usize) -> Vec<Mail> {
        wait_until(&format!("{n} mails"), WAIT_DEADLINE, async || {
            let mails = self.mails();
            if mails.len() >= n { Ok(mails) } else { Err(format!("{}; {:?}", mails.len(), self.commands())) }
        })
        .await
    }

    /// Waits until a command that begins with `verb` has come `n` times.
    ///
    /// # Panics
    /// After 30 s, with the commands that came.
    pub async fn wait_for_command(&self, n: usize, verb: &str) {
        wait_until(&format!("{n} {verb}"), WAIT_DEADLINE, async || {
            if self.count(verb) >= n { Ok(()) } else { Err(format!("{:?}", self.commands())) }
        })
        .await;
    }

    /// Waits until exactly `n` connections are open.
    ///
    /// # Panics
    /// After 30 s, with the number that are.
    pub async fn wait_for_open(&self, n: usize) {
        wait_until(&format!("{n} open connections"), WAIT_DEADLINE, async || match self.open() {
            open if open == n => Ok(()),
            open => Err(format!("{open} are open")),
        })
        .await;
    }
}
