//! Promises of the trail: what an operator is told of one SMS the day after.

use mtan_jobs::{Clock as _, Outcome, ReportCode};
use mtan_verifier::{End, Fate, Trail, TrailOf};

use crate::broker::Mood;
use crate::scheduler::{Task, alone, together};
use crate::store::Trouble;
use crate::world::{PIN, Person, World};

fn of(person: &Person) -> TrailOf {
    TrailOf::User(person.user.clone())
}

fn explain(world: &World, of: &TrailOf) -> Vec<Trail> {
    alone(world.verifier.explain(of, 10)).unwrap()
}

fn newest(world: &World) -> Trail {
    explain(world, &of(&world.alice)).remove(0)
}

#[test]
fn a_trail_names_who_asked_for_what_and_masks_the_number() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    let trail = newest(&world);
    let asked = trail.asked.clone().unwrap();
    assert_eq!(trail.job_id, sent.sms[0].job_id);
    assert_eq!((asked.transaction.clone(), asked.serial), (sent.transaction, sent.sms[0].serial.clone()));
    assert_eq!(asked.user.as_ref(), Some(&world.alice.user));
    assert_eq!(asked.at, world.clock.now());
    assert!(!asked.to.contains("0123"), "{}", asked.to);
    for of in [TrailOf::Job(sent.sms[0].job_id.clone()), TrailOf::Transaction(asked.transaction)] {
        assert_eq!(explain(&world, &of), std::slice::from_ref(&trail), "{of:?}");
    }
    assert!(explain(&world, &of(&world.bob)).is_empty(), "bob asked for nothing");
}

#[test]
fn a_confirm_shows_before_the_outbox_is_told_and_after() {
    let world = World::new();
    world.trigger(&world.alice);
    let confirmed = Some(world.clock.now());
    for turn in ["before", "after"] {
        let trail = newest(&world);
        assert_eq!((trail.confirmed_at, trail.in_outbox), (confirmed, false), "{turn}");
        world.later(1);
        world.relay();
    }
}

#[test]
fn a_confirmed_job_never_seems_to_lie_in_the_outbox_while_the_relay_tells_it() {
    for seed in 0..300 {
        let world = World::new();
        world.trigger(&world.alice);
        let confirmed = Some(world.clock.now());
        let of = of(&world.alice);
        let relay: Task<'_, Option<Trail>> = Box::pin(async {
            world.verifier.relay().await.unwrap();
            None
        });
        let asking: Task<'_, Option<Trail>> =
            Box::pin(async { Some(world.verifier.explain(&of, 1).await.unwrap().remove(0)) });
        let trail = together(seed, vec![relay, asking]).into_iter().flatten().next().unwrap();
        assert_eq!((trail.confirmed_at, trail.in_outbox), (confirmed, false), "order {seed}");
        assert!(world.store.entries().is_empty());
    }
}

#[test]
fn what_the_broker_did_not_confirm_lies_in_the_outbox_until_the_relay_brought_it() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    assert_eq!((newest(&world).confirmed_at, newest(&world).in_outbox), (None, true));
    world.broker.be(Mood::Up);
    world.later(5);
    world.relay();
    assert_eq!((newest(&world).confirmed_at, newest(&world).in_outbox), (Some(world.clock.now()), false));
}

#[test]
fn what_was_never_confirmed_says_so_by_its_report() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    world.later(300);
    world.relay();
    let trail = newest(&world);
    assert_eq!((trail.confirmed_at, trail.in_outbox), (None, false));
    let report = trail.reports.outcome.clone().unwrap();
    assert_eq!((report.outcome, report.code), (Outcome::Expired, ReportCode::Expired));
    assert_eq!(trail.fate(world.clock.now()), Some(Fate::Expired));
}

#[test]
fn wrong_tries_show_and_right_ones_do_not() {
    let world = World::new();
    world.trigger(&world.alice);
    let (mut wrong, code) = (Vec::new(), world.alice.code(1));
    for _ in 0..3 {
        world.later(2);
        world.check(&world.alice, &world.alice.pass("000000"));
        wrong.push(world.clock.now());
    }
    world.later(2);
    world.smspin(&world.alice, PIN); // within the blocking time: taken back
    assert_eq!(newest(&world).tries, wrong);
    assert_eq!(newest(&world).fate(world.clock.now()), Some(Fate::Open));
    world.check(&world.alice, &world.alice.pass(&code));
    let trail = newest(&world);
    assert_eq!(trail.tries, wrong);
    assert_eq!(trail.fate(world.clock.now()), Some(Fate::Ended(End::Used, world.clock.now())));
}

#[test]
fn a_late_answer_shows_and_the_code_stays_expired() {
    let world = World::new();
    world.trigger(&world.alice);
    world.later(301);
    world.check(&world.alice, &world.alice.pass(&world.alice.code(1)));
    let late = world.clock.now();
    world.trigger(&world.alice);
    let trails = explain(&world, &of(&world.alice));
    assert_eq!(trails.len(), 2);
    assert_eq!(trails[1].tries, [late]);
    assert_eq!(trails[1].fate(world.clock.now()), Some(Fate::Expired), "a dead code is not replaced");
    assert_eq!(trails[0].fate(world.clock.now()), Some(Fate::Open));
    assert_eq!(alone(world.verifier.explain(&of(&world.alice), 1)).unwrap(), trails[..1]);
}

#[test]
fn a_later_trigger_and_a_changed_token_end_a_challenge() {
    let world = World::new();
    world.trigger(&world.alice);
    world.later(31);
    world.trigger(&world.alice);
    let replaced = world.clock.now();
    world.later(1);
    world.enrol(&world.alice);
    let trails = explain(&world, &of(&world.alice));
    let now = world.clock.now();
    assert_eq!(trails[1].fate(now), Some(Fate::Ended(End::Replaced, replaced)));
    assert_eq!(trails[0].fate(now), Some(Fate::Ended(End::Changed, now)));
    assert!(trails[1].tries.is_empty(), "the trigger's own try was taken back");
}

#[test]
fn a_trail_is_forgotten_two_days_after_the_code_expired() {
    let world = World::new();
    world.trigger(&world.alice);
    world.later(300 + 48 * 60 * 60 - 1);
    assert_eq!(explain(&world, &of(&world.alice)).len(), 1);
    world.later(1);
    assert!(explain(&world, &of(&world.alice)).is_empty());
}

#[test]
fn a_store_that_is_away_is_an_error_and_no_empty_answer() {
    let world = World::new();
    world.store.be(Trouble::Away);
    assert!(alone(world.verifier.explain(&of(&world.alice), 1)).is_err());
}
