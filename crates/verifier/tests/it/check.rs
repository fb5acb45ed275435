//! Promises of the exit: the right code, in time, once.

use mtan_verifier::{Answer, Reason, Subject, TransactionId};

use crate::scheduler::alone;
use crate::world::{PIN, World, accepted, rejected};

#[test]
fn an_otp_is_accepted_once() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    let code = world.alice.code(1);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), accepted(&world.alice));
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), rejected(Reason::NoChallenge));
    assert_eq!(world.answer(&world.alice, &code, &sent.transaction), rejected(Reason::UnknownTransaction));
    assert_eq!(world.token(&world.alice).fail_count, 2);
}

#[test]
fn an_otp_with_its_transaction_is_accepted_with_and_without_the_pin() {
    for with_pin in [false, true] {
        let world = World::new();
        let sent = world.trigger(&world.alice);
        let code = world.alice.code(1);
        let pass = if with_pin { world.alice.pass(&code) } else { code };
        assert_eq!(world.answer(&world.alice, &pass, &sent.transaction), accepted(&world.alice));
    }
}

#[test]
fn a_wrong_pin_before_a_right_code_is_a_failed_try() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    let pass = format!("falsch{}", world.alice.code(1));
    assert_eq!(world.check(&world.alice, &pass), rejected(Reason::WrongPin));
    assert_eq!(world.answer(&world.alice, &pass, &sent.transaction), rejected(Reason::WrongPin));
    assert_eq!(world.token(&world.alice).fail_count, 2);
}

#[test]
fn a_code_without_pin_and_without_transaction_is_a_failed_try() {
    let world = World::new();
    world.trigger(&world.alice);
    assert_eq!(world.check(&world.alice, &world.alice.code(1)), rejected(Reason::WrongPin));
    assert_eq!(world.token(&world.alice).fail_count, 1);
}

#[test]
fn an_unknown_transaction_is_a_failed_try_and_never_a_fall_back() {
    let world = World::new();
    world.trigger(&world.alice);
    let code = world.alice.code(1);
    for asked in ["12345678901234567", "0", "", "bogus", "1.01", &"9".repeat(100)] {
        let before = world.token(&world.alice).fail_count;
        for pass in [&code, &world.alice.pass(&code), PIN] {
            let unknown = TransactionId::from_request(asked);
            assert_eq!(world.answer(&world.alice, pass, &unknown), rejected(Reason::UnknownTransaction));
        }
        assert_eq!(world.token(&world.alice).fail_count, before + 3, "{asked:?}");
        world.store.change(&world.alice.serial, |t| t.fail_count = 0);
    }
    assert_eq!(world.jobs().len(), 1, "a PIN with a transaction triggers nothing");
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), accepted(&world.alice));
}

#[test]
fn a_transaction_of_somebody_else_is_an_unknown_one() {
    let world = World::new();
    world.trigger(&world.alice);
    let of_bob = world.trigger(&world.bob).transaction;
    for code in [world.alice.code(1), world.bob.code(1)] {
        assert_eq!(world.answer(&world.alice, &code, &of_bob), rejected(Reason::UnknownTransaction));
    }
    assert_eq!(world.token(&world.bob).fail_count, 0);
    assert_eq!(world.answer(&world.bob, &world.bob.code(1), &of_bob), accepted(&world.bob));
}

#[test]
fn a_pin_alone_does_not_answer_a_transaction() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    assert_eq!(world.answer(&world.alice, PIN, &sent.transaction), rejected(Reason::WrongOtp));
    assert_eq!(world.answer(&world.alice, "", &sent.transaction), rejected(Reason::WrongOtp));
    world.trigger(&world.bob);
    let of_bob = world.store.challenge(&world.bob.serial).unwrap().transaction;
    assert_eq!(world.answer(&world.bob, "", &of_bob), rejected(Reason::WrongOtp));
}

#[test]
fn codes_that_were_never_sent_do_not_count() {
    let world = World::new();
    for counter in 0..=10 {
        assert!(matches!(
            world.check(&world.alice, &world.alice.pass(&world.alice.code(counter))),
            Answer::Rejected(_)
        ));
        world.store.change(&world.alice.serial, |t| t.fail_count = 0);
    }
    let sent = world.trigger(&world.alice);
    for counter in [0, 2, 3, 9, 10] {
        let code = world.alice.code(counter);
        assert_eq!(
            world.check(&world.alice, &world.alice.pass(&code)),
            rejected(Reason::WrongOtp),
            "{counter}"
        );
        assert_eq!(
            world.answer(&world.alice, &code, &sent.transaction),
            rejected(Reason::WrongOtp),
            "{counter}"
        );
        world.store.change(&world.alice.serial, |t| t.fail_count = 0);
    }
}

#[test]
fn a_code_dies_at_its_expiry_on_every_way_in() {
    let ways: [fn(&World, &TransactionId) -> Answer; 4] = [
        |w, _| w.check(&w.alice, &w.alice.pass(&w.alice.code(1))),
        |w, id| w.answer(&w.alice, &w.alice.code(1), id),
        |w, id| {
            let serial = Subject::Serial(w.alice.serial.clone());
            alone(w.verifier.check(Some(&serial), &w.alice.code(1), Some(id)))
        },
        |w, id| {
            let transaction = Subject::Transaction(id.clone());
            alone(w.verifier.check(Some(&transaction), &w.alice.code(1), Some(id)))
        },
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let world = World::new();
        let sent = world.trigger(&world.alice);
        world.later(299);
        assert_eq!(way(&world, &sent.transaction), accepted(&world.alice), "in time, way {number}");

        let world = World::new();
        let sent = world.trigger(&world.alice);
        world.later(300);
        assert!(matches!(way(&world, &sent.transaction), Answer::Rejected(_)), "too late, way {number}");
    }
}

#[test]
fn a_store_that_shows_expired_challenges_changes_nothing() {
    let world = World::new();
    world.store.be_untidy();
    let sent = world.trigger(&world.alice);
    world.later(300);
    let code = world.alice.code(1);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), rejected(Reason::Expired));
    assert_eq!(world.answer(&world.alice, &code, &sent.transaction), rejected(Reason::Expired));
    assert!(!world.trigger(&world.alice).already);
}

#[test]
fn a_later_trigger_never_extends_a_code() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    world.later(29);
    world.trigger(&world.alice);
    let expires_at = world.store.challenge(&world.alice.serial).unwrap().expires_at;
    assert_eq!(Some(expires_at), world.jobs()[0].expires_at);
    world.later(271);
    assert_eq!(
        world.answer(&world.alice, &world.alice.code(1), &sent.transaction),
        rejected(Reason::UnknownTransaction)
    );
}

#[test]
fn a_wrong_code_leaves_the_right_one_open() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    assert_eq!(world.answer(&world.alice, "000000", &sent.transaction), rejected(Reason::WrongOtp));
    assert_eq!(world.answer(&world.alice, &world.alice.code(1), &sent.transaction), accepted(&world.alice));
}

#[test]
fn smspin_neither_takes_nor_uses_up_a_code() {
    let world = World::new();
    world.trigger(&world.alice);
    let pass = world.alice.pass(&world.alice.code(1));
    assert_eq!(world.smspin(&world.alice, &pass), rejected(Reason::WrongPin));
    assert_eq!(world.token(&world.alice).fail_count, 1);
    assert_eq!(world.check(&world.alice, &pass), accepted(&world.alice));
}

#[test]
fn a_pin_of_digits_is_told_from_a_code() {
    let world = World::new();
    let digits =
        crate::world::person("carol", "LSSM0003", "12345678", &[3; 20], mtan_hotp::Algorithm::Sha512, 7);
    world.enrol(&digits);
    world.trigger(&digits);
    assert_eq!(world.check(&digits, &digits.pass(&digits.code(2))), rejected(Reason::WrongOtp));
    assert_eq!(world.check(&digits, &digits.pass(&digits.code(1))), accepted(&digits));
}

#[test]
fn every_subject_leads_to_the_same_token() {
    for by_serial in [true, false] {
        let world = World::new();
        let sent = world.trigger(&world.alice);
        let subject = if by_serial {
            Subject::Serial(world.alice.serial.clone())
        } else {
            Subject::Transaction(sent.transaction.clone())
        };
        let wrong = alone(world.verifier.check(Some(&subject), "000000", Some(&sent.transaction)));
        assert_eq!(wrong, rejected(Reason::WrongOtp));
        assert_eq!(world.token(&world.alice).fail_count, 1);
        let right =
            alone(world.verifier.check(Some(&subject), &world.alice.code(1), Some(&sent.transaction)));
        assert_eq!(right, accepted(&world.alice));
    }
}
