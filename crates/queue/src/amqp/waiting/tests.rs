//! What the piles and lanes promise.

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

/// What a lane that looks finds.
fn taken(waiting: &mut Waiting) -> Option<(String, usize)> {
    waiting.look(&mut Held::Lane).map(|batch| (batch.route.routing_key, batch.letters.len()))
}

fn of(key: &str, letters: usize) -> Option<(String, usize)> {
    Some((key.to_owned(), letters))
}

/// Starts a lane that finds a batch.
fn busy(waiting: &mut Waiting) -> (Held, Route) {
    assert!(waiting.start_lane());
    let mut held = Held::Looking;
    let batch = waiting.look(&mut held).unwrap();
    (held, batch.route)
}

#[test]
fn a_lone_letter_goes_at_once_and_by_one_lane() {
    let mut waiting = Waiting::new(10);
    assert!(!waiting.start_lane(), "there is nothing to do");
    push_many(&mut waiting, "alpha", 1);
    let (mut held, _) = busy(&mut waiting);
    waiting.over(&mut held);
    push_many(&mut waiting, "alpha", 1);
    assert!(!waiting.start_lane(), "there is one that is about to look");
    assert!(waiting.look(&mut held).is_some());
    push_many(&mut waiting, "alpha", 1);
    assert!(waiting.start_lane(), "the first one is busy");
}

#[test]
fn a_batch_is_of_one_route_and_the_routes_take_turns() {
    let mut waiting = Waiting::new(10);
    push_many(&mut waiting, "alpha", 70);
    push_many(&mut waiting, "beta", 3);
    let batches: Vec<_> = std::iter::from_fn(|| taken(&mut waiting)).collect();
    let expected = [of("alpha", 32), of("beta", 3), of("alpha", 32), of("alpha", 6)];
    assert_eq!(batches, expected.map(Option::unwrap));
}

#[test]
fn the_same_id_is_not_twice_in_a_batch() {
    let mut waiting = Waiting::new(10);
    for id in [Some("one"), Some("two"), Some("one"), None, None] {
        push(&mut waiting, "alpha", id);
    }
    let batches: Vec<_> = std::iter::from_fn(|| taken(&mut waiting)).map(|(_, letters)| letters).collect();
    assert_eq!(batches, [2, 2, 1]);
}

#[test]
fn what_was_given_up_is_left_out() {
    let mut waiting = Waiting::new(10);
    push(&mut waiting, "alpha", Some("one")).give_up();
    push(&mut waiting, "beta", Some("two")).give_up();
    let _stub = push(&mut waiting, "beta", Some("three"));
    assert_eq!(taken(&mut waiting), of("beta", 1));
    assert_eq!(taken(&mut waiting), None);
}

#[test]
fn lanes_are_few_and_a_slow_one_is_replaced_while_there_are_channels() {
    let mut waiting = Waiting::new(5);
    push_many(&mut waiting, "alpha", 1000);
    let mut lanes: Vec<_> = (0..4).map(|_| busy(&mut waiting)).collect();
    assert!(!waiting.start_lane(), "four are enough");
    let (held, route) = &mut lanes[0];
    waiting.slow(held, route.clone());
    busy(&mut waiting); // a fifth channel
    let (held, route) = &mut lanes[1];
    waiting.slow(held, route.clone());
    assert!(!waiting.start_lane(), "there is no sixth channel");
    waiting.ended(&lanes[0].0);
    busy(&mut waiting);
    assert!(!waiting.start_lane());
    waiting.ended(&lanes[2].0);
    busy(&mut waiting);
}

#[test]
fn a_lane_that_ends_before_it_has_looked_leaves_nobody_waiting() {
    let mut waiting = Waiting::new(5);
    push_many(&mut waiting, "alpha", 1);
    assert!(waiting.start_lane() && !waiting.start_lane());
    waiting.ended(&Held::Looking);
    assert!(waiting.start_lane());
}

#[test]
fn a_route_that_does_not_confirm_leaves_the_channels_to_the_others() {
    let mut waiting = Waiting::new(100);
    push_many(&mut waiting, "stuck", 1000);
    let mut slow = Vec::new();
    while waiting.start_lane() {
        let mut held = Held::Looking;
        let route = waiting.look(&mut held).unwrap().route;
        waiting.slow(&mut held, route);
        slow.push(held);
    }
    assert_eq!(slow.len(), 8);
    push_many(&mut waiting, "alpha", 1);
    assert_eq!(busy(&mut waiting).1.routing_key, "alpha");
    assert!(!waiting.start_lane());
    waiting.ended(&slow[0]);
    assert_eq!(busy(&mut waiting).1.routing_key, "stuck");
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
