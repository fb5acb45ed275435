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
    /// One of the few that take batches.
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
    slow: Vec<Route>,
    /// Lanes and slow batches together.
    most: usize,
}

impl Waiting {
    /// Nothing, for a connection that may have `most` channels.
    pub(super) fn new(most: usize) -> Waiting {
        Waiting { piles: VecDeque::new(), lanes: 0, slow: Vec::new(), most }
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

    /// Whether one more lane is needed; it is counted from now on.
    pub(super) fn start_lane(&mut self) -> bool {
        let room = self.lanes < LANES && self.lanes + self.slow.len() < self.most;
        let start = room && self.turn().is_some();
        self.lanes += usize::from(start);
        start
    }

    /// The next batch for a lane; `None`: there is nothing to do.
    pub(super) fn take(&mut self) -> Option<Batch> {
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

    /// The batch of a lane takes long: the lane is one no more, and another one may start.
    pub(super) fn slow(&mut self, route: Route) -> Held {
        self.lanes -= 1;
        self.slow.push(route.clone());
        Held::Slow(route)
    }

    /// The end of a lane, or of a slow batch. After it another lane may be needed.
    pub(super) fn ended(&mut self, held: &Held) {
        match held {
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
mod tests {
    use super::super::letter::tests::letter;
    use super::super::letter::{self, Stub};
    use super::*;

    /// Pushes a letter with `id` for `key`; the stub is for giving it up.
    fn push(waiting: &mut Waiting, key: &str, id: Option<&str>) -> Stub {
        let letter = letter(key, id);
        let (ticket, stub) = letter::ticket(&letter, &Default::default());
        waiting.push(letter, ticket);
        stub
    }

    fn push_many(waiting: &mut Waiting, key: &str, many: usize) {
        for n in 0..many {
            push(waiting, key, Some(&format!("{key}-{n}")));
        }
    }

    fn taken(waiting: &mut Waiting) -> Option<(String, usize)> {
        waiting.take().map(|batch| (batch.route.routing_key, batch.letters.len()))
    }

    fn of(key: &str, letters: usize) -> Option<(String, usize)> {
        Some((key.to_owned(), letters))
    }

    #[test]
    fn a_lone_letter_goes_at_once() {
        let mut waiting = Waiting::new(10);
        assert!(!waiting.start_lane(), "there is nothing to do");
        push_many(&mut waiting, "alpha", 1);
        assert!(waiting.start_lane());
        assert_eq!(taken(&mut waiting), of("alpha", 1));
        assert_eq!(taken(&mut waiting), None);
    }

    #[test]
    fn a_batch_is_of_one_route_and_the_routes_take_turns() {
        let mut waiting = Waiting::new(10);
        push_many(&mut waiting, "alpha", 70);
        push_many(&mut waiting, "beta", 3);
        assert!(waiting.start_lane());
        let batches: Vec<_> = std::iter::from_fn(|| taken(&mut waiting)).collect();
        assert_eq!(
            batches,
            [of("alpha", 32), of("beta", 3), of("alpha", 32), of("alpha", 6)].map(Option::unwrap)
        );
    }

    #[test]
    fn the_same_id_is_not_twice_in_a_batch() {
        let mut waiting = Waiting::new(10);
        for id in [Some("one"), Some("two"), Some("one"), None, None] {
            push(&mut waiting, "alpha", id);
        }
        assert!(waiting.start_lane());
        let batches: Vec<_> =
            std::iter::from_fn(|| taken(&mut waiting)).map(|(_, letters)| letters).collect();
        assert_eq!(batches, [2, 2, 1]);
    }

    #[test]
    fn what_was_given_up_is_left_out() {
        let mut waiting = Waiting::new(10);
        push(&mut waiting, "alpha", Some("one")).give_up();
        push(&mut waiting, "beta", Some("two")).give_up();
        let _stub = push(&mut waiting, "beta", Some("three"));
        assert!(waiting.start_lane());
        assert_eq!(taken(&mut waiting), of("beta", 1));
        assert_eq!(taken(&mut waiting), None);
    }

    #[test]
    fn lanes_are_few_and_a_slow_one_is_replaced_while_there_are_channels() {
        let mut waiting = Waiting::new(5);
        push_many(&mut waiting, "alpha", 1000);
        assert_eq!((0..10).filter(|_| waiting.start_lane()).count(), 4);
        let routes: Vec<_> = (0..4).filter_map(|_| waiting.take()).map(|batch| batch.route).collect();
        let slow = waiting.slow(routes[0].clone());
        assert!(waiting.start_lane(), "a fifth channel");
        waiting.slow(routes[1].clone());
        assert!(!waiting.start_lane(), "there is no sixth channel");
        waiting.ended(&slow);
        assert!(waiting.start_lane(), "now there is");
        waiting.ended(&Held::Lane);
        assert!(waiting.start_lane(), "and after the end of a lane");
    }

    #[test]
    fn a_route_that_does_not_confirm_leaves_the_channels_to_the_others() {
        let mut waiting = Waiting::new(100);
        push_many(&mut waiting, "stuck", 1000);
        let mut slow = Vec::new();
        while waiting.start_lane() {
            let route = waiting.take().unwrap().route;
            slow.push(waiting.slow(route));
        }
        assert_eq!(slow.len(), 8);
        push_many(&mut waiting, "alpha", 1);
        assert!(waiting.start_lane());
        assert_eq!(taken(&mut waiting), of("alpha", 1));
        assert_eq!(taken(&mut waiting), None);
        waiting.ended(&slow[0]);
        assert_eq!(taken(&mut waiting), of("stuck", 32));
    }

    #[test]
    fn a_route_that_is_stuck_keeps_no_letters_that_were_given_up() {
        let mut waiting = Waiting::new(10);
        for n in 0..100 {
            push(&mut waiting, "stuck", Some(&n.to_string())).give_up();
        }
        assert_eq!(waiting.clear().len(), 1, "the last one, until the next one comes");
    }

    #[test]
    fn a_connection_that_is_of_no_use_keeps_nothing() {
        let mut waiting = Waiting::new(10);
        push_many(&mut waiting, "alpha", 3);
        push_many(&mut waiting, "beta", 2);
        assert_eq!(waiting.clear().len(), 5);
        assert!(!waiting.start_lane());
    }
}
