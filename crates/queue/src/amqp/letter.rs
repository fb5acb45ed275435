//! A message on its way out, and how far it has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use lapin::BasicProperties;
use lapin::types::ShortString;
use mtan_jobs::PublishError;
use tokio::sync::oneshot;

/// A message on its way out.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
}

/// What became of a letter.
pub(super) type Answer = Result<(), PublishError>;

/// The claim of whoever waits for a letter's answer.
pub(super) struct Ticket {
    /// The letter's `message_id`: by it the broker's returns are told apart.
    pub(super) id: Option<ShortString>,
    stage: Stage,
    tell: oneshot::Sender<Answer>,
}

/// The other half of a [`Ticket`]: where the answer comes.
pub(super) struct Stub {
    pub(super) answer: oneshot::Receiver<Answer>,
    progress: Arc<Progress>,
}

/// A ticket for `letter`, and its stub. `overdue` counts the letters whose owners went away without an answer.
pub(super) fn ticket(letter: &Letter, overdue: &Arc<AtomicUsize>) -> (Ticket, Stub) {
    let progress = Arc::new(Progress { at: AtomicU8::new(WAITING), overdue: overdue.clone() });
    let (tell, answer) = oneshot::channel();
    let id = letter.properties.message_id().clone();
    (Ticket { id, stage: Stage(progress.clone()), tell }, Stub { answer, progress })
}

impl Ticket {
    /// Says that the letter goes out now. `false`: it has been given up and must not.
    pub(super) fn send(&self) -> bool {
        self.stage.0.step(WAITING, SENT)
    }

    /// Whether nobody wants the letter to go out any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.stage.0.at.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Hands over the answer; nobody may be waiting for it any more.
    pub(super) fn tell(self, answer: Answer) {
        drop(self.stage); // first: whoever has the answer finds nothing overdue
        self.tell.send(answer).ok();
    }
}

impl Stub {
    /// Time is up. Tells what is known about the letter now.
    pub(super) fn give_up(self) -> PublishError {
        let progress = self.progress;
        progress.overdue.fetch_add(1, Ordering::AcqRel);
        if progress.step(WAITING, GIVEN_UP) {
            return PublishError::Unavailable("the broker is too slow: nothing was sent".to_owned());
        }
        if !progress.step(SENT, OVERDUE) {
            progress.overdue.fetch_sub(1, Ordering::AcqRel); // the answer came at this very moment
        }
        PublishError::Unconfirmed
    }
}

/// How far a letter has come, between the one who waits for its answer and the one who brings it out.
struct Progress {
    at: AtomicU8,
    overdue: Arc<AtomicUsize>,
}

/// Waits for a channel.
const WAITING: u8 = 0;
/// Waits for its confirm.
const SENT: u8 = 1;
/// Given up before it was sent: it must not go out any more.
const GIVEN_UP: u8 = 2;
/// Given up after it was sent.
const OVERDUE: u8 = 3;
const DONE: u8 = 4;

impl Progress {
    fn step(&self, from: u8, to: u8) -> bool {
        self.at.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Ends a letter's progress with the ticket, whatever becomes of that.
struct Stage(Arc<Progress>);

impl Drop for Stage {
    fn drop(&mut self) {
        if matches!(self.0.at.swap(DONE, Ordering::AcqRel), GIVEN_UP | OVERDUE) {
            self.0.overdue.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::amqp) fn letter(routing_key: &str, id: Option<&str>) -> Letter {
        let properties = BasicProperties::default();
        Letter {
            exchange: "mtan.send".to_owned(),
            routing_key: routing_key.to_owned(),
            body: Vec::new(),
            properties: match id {
                Some(id) => properties.with_message_id(id.into()),
                None => properties,
            },
        }
    }

    fn issued() -> (Ticket, Stub, Arc<AtomicUsize>) {
        let overdue = Arc::default();
        let (ticket, stub) = ticket(&letter("alpha", Some("one")), &overdue);
        (ticket, stub, overdue)
    }

    #[test]
    fn what_is_given_up_before_it_was_sent_must_not_go_out() {
        let (ticket, stub, overdue) = issued();
        assert!(matches!(stub.give_up(), PublishError::Unavailable(_)));
        assert_eq!(overdue.load(Ordering::Relaxed), 1);
        assert!(ticket.is_given_up() && !ticket.send());
        drop(ticket);
        assert_eq!(overdue.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_given_up_after_it_was_sent_is_overdue_until_its_answer_comes() {
        let (ticket, stub, overdue) = issued();
        assert!(ticket.send());
        assert_eq!(stub.give_up(), PublishError::Unconfirmed);
        assert_eq!(overdue.load(Ordering::Relaxed), 1);
        ticket.tell(Ok(()));
        assert_eq!(overdue.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_answer_that_comes_as_it_is_given_up_leaves_nothing_overdue() {
        let (ticket, mut stub, overdue) = issued();
        assert!(ticket.send());
        ticket.tell(Err(PublishError::Full));
        assert_eq!(stub.answer.try_recv(), Ok(Err(PublishError::Full)));
        assert_eq!(stub.give_up(), PublishError::Unconfirmed);
        assert_eq!(overdue.load(Ordering::Relaxed), 0);
    }
}
