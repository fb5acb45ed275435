//! What waits for a channel: a pile a route, each in its turn, and how many lanes may take from them.
//!
//! A batch is of one route. A queue that does not confirm then holds up its own batches only, and of those not more
//! than [`SLOW_OF_A_ROUTE`] at a time: the channels are left to the others.

use std::collections::VecDeque;

use super::letter::{Letter, Ticket};

/// Lanes that take batches, each with a channel; a lane whose batch is slow does not count.
const LANES: usize = 4;
/// Messages of one batch. With four lanes 128 are under way.
const BATCH: usize = 32;
/// Slow batches of one route, above which the rest of its pile waits.
const SLOW_OF_A_ROUTE: usize = 8;

/// Exchange and routing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    exchange: String,
    routing_key: String,
}

/// Messages of one route, whose ids differ.
pub(super) struct Batch {
    pub(super) route: Route,
    pub(super) letters: Vec<Letter>,
    pub(super) tickets: Vec<Ticket>,
}

/// What a task with a channel counts as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A lane that is about to look what there is.
    Looking,
    /// A lane with a batch.
    Lane,
    /// A batch whose confirms are long in coming.
    Slow(Route),
}

struct Pile {
    route: Route,
    letters: VecDeque<(Letter, Ticket)>,
}

/// All that waits on one connection, and the lanes that work on it.
pub(super) struct Waiting {
    piles: VecDeque<Pile>,
    lanes: usize,
    /// Those of the lanes that are about to look what there is.
    looking: usize,
    slow: Vec<Route>,
    /// Lanes and slow batches together.
    most: usize,
}

impl Waiting {
    /// Nothing, for a connection that may have `most` channels.
    pub(super) fn new(most: usize) -> Waiting {
        Waiting { piles: VecDeque::new(), lanes: 0, looking: 0, slow: Vec::new(), most }
    }

    /// Lays `letter` on the pile of its route.
    pub(super) fn push(&mut self, letter: Letter, ticket: Ticket) {
        let same = |pile: &&mut Pile| {
            pile.route.routing_key == letter.routing_key && pile.route.exchange == letter.exchange
        };
        if let Some(pile) = self.piles.iter_mut().find(same) {
            return pile.push(letter, ticket);
        }
        let route = Route { exchange: letter.exchange.clone(), routing_key: letter.routing_key.clone() };
        self.piles.push_back(Pile { route, letters: VecDeque::from([(letter, ticket)]) });
    }

    /// Whether one more lane is needed, [`Held::Looking`]; it is counted from now on. Asked after everything that may
    /// make one necessary: a push, a look, the end of a lane.
    pub(super) fn start_lane(&mut self) -> bool {
        let room = self.lanes < LANES && self.lanes + self.slow.len() < self.most;
        let start = room && self.looking == 0 && self.turn().is_some();
        self.lanes += usize::from(start);
        self.looking += usize::from(start);
        start
    }

    /// The next batch for a lane that was about to look; `None`: there is nothing to do.
    pub(super) fn look(&mut self, held: &mut Held) -> Option<Batch> {
        if *held == Held::Looking {
            *held = Held::Lane;
            self.looking -= 1;
        }
        while let Some(mut pile) = self.turn().and_then(|at| self.piles.remove(at)) {
            let batch = pile.batch();
            if !pile.letters.is_empty() {
                self.piles.push_back(pile); // behind those that have waited longer
            }
            if !batch.letters.is_empty() {
                return Some(batch);
            }
        }
        None
    }

    /// The batch of a lane is over: it is about to look again. Said before those who are answered come with more, or
    /// another lane would start for it.
    pub(super) fn over(&mut self, held: &mut Held) {
        if *held == Held::Lane {
            *held = Held::Looking;
            self.looking += 1;
        }
    }

    /// The batch of a lane takes long: the lane is one no more.
    pub(super) fn slow(&mut self, held: &mut Held, route: Route) {
        self.ended(held);
        self.slow.push(route.clone());
        *held = Held::Slow(route);
    }

    /// The end of a lane, or of a slow batch.
    pub(super) fn ended(&mut self, held: &Held) {
        match held {
            Held::Looking => (self.lanes, self.looking) = (self.lanes - 1, self.looking - 1),
            Held::Lane => self.lanes -= 1,
            Held::Slow(route) => {
                if let Some(at) = self.slow.iter().position(|slow| slow == route) {
                    self.slow.swap_remove(at);
                }
            }
        }
    }

    /// The connection is of no use any more: all that waited for it.
    pub(super) fn clear(&mut self) -> Vec<Ticket> {
        self.piles.drain(..).flat_map(|pile| pile.letters).map(|(_letter, ticket)| ticket).collect()
    }

    /// The pile whose turn it is.
    fn turn(&self) -> Option<usize> {
        let patient =
            |pile: &Pile| self.slow.iter().filter(|slow| **slow == pile.route).count() < SLOW_OF_A_ROUTE;
        self.piles.iter().position(patient)
    }
}

impl Pile {
    /// Adds a letter. What was given up at the other end goes, or it would be kept for as long as the route is stuck.
    fn push(&mut self, letter: Letter, ticket: Ticket) {
        while self.letters.front().is_some_and(|(_, ticket)| ticket.is_given_up()) {
            self.letters.pop_front();
        }
        self.letters.push_back((letter, ticket));
    }

    /// The oldest letters, without those that were given up, until one has an id that is there already: the same job,
    /// published twice. If one of the two came back, nobody could tell which.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch { route: self.route.clone(), letters: Vec::new(), tickets: Vec::new() };
        while let Some((_, next)) = self.letters.front() {
            let full =
                batch.tickets.len() == BATCH || batch.tickets.iter().any(|ticket| ticket.id == next.id);
            if full {
                break;
            }
            if let Some((letter, ticket)) = self.letters.pop_front().filter(|(_, ticket)| ticket.send()) {
                batch.letters.push(letter);
                batch.tickets.push(ticket);
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests;
