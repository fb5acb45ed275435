//! What the gateway has seen and what it is going to do next.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::behaviour::{Act, Behaviour};
use super::request::Request;

/// Shared by the handle and all connections.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Book>);

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) plan: Plan,
    pub(super) requests: Vec<Request>,
    pub(super) attempts: usize,
    pub(super) answers: usize,
    pub(super) in_flight: usize,
    pub(super) peak_in_flight: usize,
}

/// Whose turn it is: what is planned for a number comes before what is planned for the next requests, and
/// that before the rule for all.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) always: Behaviour,
    pub(super) next: VecDeque<Behaviour>,
    pub(super) numbers: HashMap<String, Behaviour>,
}

/// What a request, of which only the head is known, has drawn.
pub(super) struct Drawn {
    pub(super) behaviour: Behaviour,
    from_next: bool,
}

/// Counts a request as in flight while it lives.
pub(super) struct InFlight<'a>(&'a State);

impl State {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A head has come: counts it, and draws what happens to it.
    pub(super) fn draw(&self) -> (Drawn, InFlight<'_>) {
        let mut book = self.book();
        book.attempts += 1;
        book.in_flight += 1;
        book.peak_in_flight = book.peak_in_flight.max(book.in_flight);
        let next = book.plan.next.pop_front();
        let from_next = next.is_some();
        let behaviour = next.unwrap_or_else(|| book.plan.always.clone());
        (Drawn { behaviour, from_next }, InFlight(self))
    }

    /// The request is there: records it, and says what happens to it and its sequence.
    pub(super) fn record(&self, mut request: Request, drawn: Drawn) -> (Behaviour, usize) {
        let mut book = self.book();
        let own = book.plan.numbers.iter().find(|(number, _)| request.is_to(number));
        let behaviour = match own.map(|(_, behaviour)| behaviour.clone()) {
            Some(own) => {
                if drawn.from_next {
                    book.plan.next.push_front(drawn.behaviour); // it was not for this one
                }
                own
            }
            None => drawn.behaviour,
        };
        let sequence = book.requests.len() + 1;
        request.sequence = sequence;
        book.requests.push(request);
        (behaviour, sequence)
    }

    /// An answer has gone out to its last byte.
    pub(super) fn answered(&self) {
        self.book().answers += 1;
    }
}

impl Drawn {
    pub(super) fn resets_before_body(&self) -> bool {
        self.behaviour.act == Act::ResetBeforeBody
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.book().in_flight -= 1;
    }
}
