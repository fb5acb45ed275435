//! Promises about guessing: a try is counted before it is compared, and the lock holds at every door.

use mtan_verifier::{Answer, Reason, Subject, TransactionId, UserRef};

use crate::scheduler::alone;
use crate::store::Event;
use crate::world::{PIN, World, accepted, rejected};

#[test]
fn a_right_pin_neither_raises_nor_resets() {
    let world = World::new();
    world.store.change(&world.alice.serial, |t| t.fail_count = 4);
    world.trigger(&world.alice);
    assert_eq!(world.token(&world.alice).fail_count, 4, "a new SMS");
    world.trigger(&world.alice);
    assert_eq!(world.token(&world.alice).fail_count, 4, "already submitted");
}

#[test]
fn a_right_pin_works_up_to_the_last_try() {
    let world = World::new();
    world.store.change(&world.alice.serial, |t| t.fail_count = 9);
    world.trigger(&world.alice);
    assert_eq!(world.token(&world.alice).fail_count, 9);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&world.alice.code(1))), accepted(&world.alice));
}

#[test]
fn success_resets() {
    let world = World::new();
    world.trigger(&world.alice);
    world.check(&world.alice, "wrong");
    world.check(&world.alice, "wrong");
    assert_eq!(world.token(&world.alice).fail_count, 2);
    world.check(&world.alice, &world.alice.pass(&world.alice.code(1)));
    assert_eq!(world.token(&world.alice).fail_count, 0);
}

#[test]
fn every_door_counts_and_all_doors_share_the_count() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    let serial = Subject::Serial(world.alice.serial.clone());
    let by_transaction = Subject::Transaction(sent.transaction.clone());
    let expected = |count: u32| assert_eq!(world.token(&world.alice).fail_count, count);
    world.smspin(&world.alice, "wrong");
    expected(1);
    world.check(&world.alice, "wrong");
    expected(2);
    world.answer(&world.alice, "000000", &sent.transaction);
    expected(3);
    world.answer(&world.alice, "000000", &TransactionId::from_request("77"));
    expected(4);
    alone(world.verifier.check(Some(&serial), "wrong", None));
    expected(5);
    alone(world.verifier.check(Some(&by_transaction), "000000", Some(&sent.transaction)));
    expected(6);
}

#[test]
fn a_locked_token_is_locked_at_every_door_also_for_right_answers() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    for _ in 0..10 {
        assert_eq!(world.smspin(&world.alice, "wrong"), rejected(Reason::WrongPin));
    }
    let code = world.alice.code(1);
    let locked = rejected(Reason::Locked);
    assert_eq!(world.smspin(&world.alice, PIN), locked);
    assert_eq!(world.check(&world.alice, PIN), locked);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), locked);
    assert_eq!(world.answer(&world.alice, &code, &sent.transaction), locked);
    for subject in
        [Subject::Serial(world.alice.serial.clone()), Subject::Transaction(sent.transaction.clone())]
    {
        assert_eq!(alone(world.verifier.check(Some(&subject), &code, Some(&sent.transaction))), locked);
    }
    world.later(60);
    assert_eq!(world.smspin(&world.alice, PIN), locked);
    assert_eq!(world.token(&world.alice).fail_count, 10, "never beyond the limit");
    assert_eq!(world.jobs().len(), 1, "no SMS");
    assert!(world.store.challenge(&world.alice.serial).is_some(), "nothing was used up");
}

#[test]
fn a_lock_of_one_locks_nobody_else() {
    let world = World::new();
    for _ in 0..10 {
        world.check(&world.alice, "wrong");
    }
    world.trigger(&world.bob);
    assert_eq!(world.check(&world.bob, &world.bob.code(1)), accepted(&world.bob));
}

#[test]
fn an_inactive_token_does_nothing() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    world.store.change(&world.alice.serial, |t| t.active = false);
    let inactive = rejected(Reason::Inactive);
    assert_eq!(world.smspin(&world.alice, PIN), inactive);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&world.alice.code(1))), inactive);
    assert_eq!(world.answer(&world.alice, &world.alice.code(1), &sent.transaction), inactive);
    assert_eq!(world.token(&world.alice).fail_count, 0);
}

#[test]
fn a_user_without_a_token_is_a_plain_no() {
    let world = World::new();
    let nobody = Subject::User(UserRef::new("nobody", "example").unwrap());
    for pass in ["", PIN, "geheim287082", "287082"] {
        assert_eq!(alone(world.verifier.check(Some(&nobody), pass, None)), rejected(Reason::NoToken));
        assert_eq!(alone(world.verifier.smspin(Some(&nobody), pass)), rejected(Reason::NoToken));
    }
    let unknown = TransactionId::from_request("5");
    let subject = Subject::Transaction(unknown.clone());
    assert_eq!(alone(world.verifier.check(Some(&subject), "", Some(&unknown))), rejected(Reason::NoToken));
}

#[test]
fn the_count_comes_before_the_comparison() {
    let world = World::new();
    world.trigger(&world.alice);
    let answer = world.check(&world.alice, &world.alice.pass(&world.alice.code(1)));
    assert_eq!(answer, Answer::Accepted(world.alice.serial.clone()));
    let steps: Vec<Event> = world.store.history().into_iter().map(|(_, event)| event).collect();
    let [.., Event::Tried { fail_count: 1, .. }, Event::Consumed { .. }] = &steps[..] else {
        panic!("{steps:?}")
    };
}
