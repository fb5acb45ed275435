//! Promises of the outbox: what was promised reaches the queue, once settled never again, or is told to be too late.

use jiff::Timestamp;
use mtan_jobs::{Clock as _, Outcome, ReportCode};
use mtan_verifier::{OutboxEntry, Policy};

use crate::broker::Mood;
use crate::scheduler::alone;
use crate::store::Trouble;
use crate::world::{PIN, World, accepted, policy};

#[test]
fn a_confirmed_job_leaves_the_outbox_unsent() {
    let world = World::new();
    world.trigger(&world.alice);
    assert_eq!(alone(world.verifier.outbox_depth()), Ok(1));
    assert_eq!(world.relay(), 0);
    assert_eq!(alone(world.verifier.outbox_depth()), Ok(0));
    world.later(20);
    assert_eq!(world.relay(), 0);
    assert_eq!(world.broker.published().len(), 1);
}

#[test]
fn an_unconfirmed_job_is_relayed_unchanged_until_it_is_confirmed() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    world.later(4);
    assert_eq!(world.relay(), 0, "the request itself has five seconds");
    world.later(1);
    assert_eq!(world.relay(), 1);
    assert_eq!(world.relay(), 0, "taken for ten seconds");
    world.broker.be(Mood::Up);
    world.later(10);
    assert_eq!(world.relay(), 1);
    world.later(10);
    assert_eq!(world.relay(), 0);

    let published = world.broker.published();
    assert_eq!(published.len(), 3);
    assert!(published.iter().all(|p| p.job == published[0].job), "one id, one text");
    assert!(world.store.entries().is_empty());
    assert_eq!(world.check(&world.alice, &world.alice.pass(&world.alice.code(1))), accepted(&world.alice));
}

#[test]
fn what_was_published_and_not_settled_is_settled_by_a_later_turn() {
    let world = World::new();
    world.trigger(&world.alice);
    world.store.be(Trouble::Away);
    assert!(alone(world.verifier.relay()).is_err());
    world.store.be(Trouble::None);
    assert_eq!(world.relay(), 0);
    assert!(world.store.entries().is_empty());
    assert_eq!(world.broker.published().len(), 1);
}

#[test]
fn a_relayed_job_whose_settling_failed_is_not_relayed_again() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    world.broker.be(Mood::Up);
    world.later(5);
    world.store.be_once_after(1, Trouble::Away);
    assert!(alone(world.verifier.relay()).is_err());
    assert_eq!(world.store.entries().len(), 1);
    world.store.be(Trouble::None);
    world.later(60);
    assert_eq!(world.relay(), 0);
    assert_eq!(world.broker.published().len(), 2, "the request's and one of the relay's");
    assert!(world.store.entries().is_empty());
}

#[test]
fn a_job_too_late_is_never_published_and_ends_in_one_report() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    world.broker.be(Mood::Up);
    let id = world.store.entries()[0].job_id.clone();
    world.later(300);
    assert_eq!(world.relay(), 1);
    assert_eq!(world.broker.published().len(), 1, "only the request's own");
    assert!(world.store.entries().is_empty());
    let report = alone(world.verifier.ledger_entry(&id)).unwrap().unwrap().outcome.unwrap();
    assert_eq!((report.outcome, report.code), (Outcome::Expired, ReportCode::Expired));
    assert_eq!((report.attempts, report.segments, report.pool), (0, 1, policy().route[0].clone()));
    assert!(report.reference.is_some());
}

#[test]
fn without_a_ledger_a_late_job_stays_until_it_can_be_reported() {
    let world = World::new();
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    let id = world.store.entries()[0].job_id.clone();
    world.later(300);
    world.store.be_once_after(1, Trouble::Away);
    assert_eq!(world.relay(), 1);
    assert_eq!(world.store.entries().len(), 1);
    assert_eq!(world.store.ledger_entry(&id), None);
    world.later(10);
    assert_eq!(world.relay(), 1);
    assert!(world.store.entries().is_empty());
    assert_eq!(world.store.ledger_entry(&id).unwrap().outcome.unwrap().outcome, Outcome::Expired);
}

#[test]
fn an_entry_that_cannot_be_read_stays_until_it_expires_and_stops_no_other() {
    let world = World::new();
    let now = world.clock.now();
    let expires_at: Timestamp = "2026-11-23T18:17:00Z".parse().unwrap();
    let foreign = OutboxEntry { job_id: "a".parse().unwrap(), sealed: vec![1; 80], expires_at };
    let no_job = OutboxEntry {
        job_id: "b".parse().unwrap(),
        sealed: world.key.seal("outbox/b", br#"{"v":2,"id":"b"}"#),
        expires_at,
    };
    world.store.put_entry(foreign, now);
    world.store.put_entry(no_job, now);
    world.broker.be(Mood::SilentLost);
    world.smspin(&world.alice, PIN);
    world.broker.be(Mood::Up);
    world.later(5);
    assert_eq!(world.relay(), 3);
    assert_eq!(world.jobs().len(), 1, "the job that can be read went out");
    assert_eq!(world.store.entries().len(), 2);

    world.later(115);
    assert_eq!(world.relay(), 2);
    assert!(world.store.entries().is_empty(), "not for ever");
    for id in ["a", "b"] {
        let report = world.store.ledger_entry(&id.parse().unwrap()).unwrap().outcome.unwrap();
        assert_eq!((report.outcome, report.segments), (Outcome::Expired, 0));
    }
}

#[test]
fn many_jobs_are_relayed_and_settled_a_bounded_number_at_a_time() {
    let world = World::with(Policy { blocking: std::time::Duration::ZERO, ..policy() });
    for _ in 0..600 {
        world.trigger(&world.alice);
    }
    world.relay();
    assert!(world.store.entries().is_empty());
    assert_eq!(world.store.largest_settle(), 256);

    world.broker.be(Mood::SilentLost);
    for _ in 0..300 {
        world.smspin(&world.alice, PIN);
    }
    world.broker.be(Mood::Up);
    world.later(5);
    assert_eq!((world.relay(), world.relay(), world.relay()), (256, 44, 0));
    assert!(world.store.entries().is_empty());
    assert_eq!(world.jobs().len(), 900);
}
