//! Promises of the desk: a right PIN becomes one SMS.

use mtan_verifier::{Answer, Policy, Reason};

use crate::broker::Mood;
use crate::scheduler::alone;
use crate::world::{PIN, World, accepted, policy, rejected};

#[test]
fn a_right_pin_sends_an_sms_with_the_code_of_the_next_counter() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    let jobs = world.jobs();
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert_eq!(world.alice.code(1), "287082", "RFC 4226 Appendix D, count 1");
    assert_eq!(job.text.expose(), "Your code: 287082", "the first code is HOTP(1), as LinOTP's");
    assert_eq!(job.otp.as_deref(), Some("287082"));
    assert_eq!(job.to.expose(), "+491701234567");
    assert_eq!(job.expires_at, Some("2026-11-23T18:20:00Z".parse().unwrap()));
    assert_eq!(job.route, policy().route);
    assert_eq!(job.id, sent.sms[0].job_id);
    assert_eq!(job.reference.as_ref().unwrap().as_str(), sent.transaction.as_str());
    assert_eq!((sent.message.as_str(), sent.already), ("sms submitted", false));
    assert_eq!(
        (sent.sms[0].serial.clone(), sent.sms[0].description.as_str()),
        (world.alice.serial.clone(), "her phone")
    );
    assert_eq!(world.token(&world.alice).counter, 1);
}

#[test]
fn check_with_a_pin_alone_triggers_too() {
    let world = World::new();
    let Answer::Challenged(sent) = world.check(&world.alice, PIN) else { panic!() };
    assert_eq!(world.answer(&world.alice, &world.alice.code(1), &sent.transaction), accepted(&world.alice));
}

#[test]
fn a_transaction_id_has_seventeen_digits() {
    let id = World::new().trigger(&World::new().alice).transaction.to_string();
    assert!(id.len() == 17 && !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
}

#[test]
fn inside_the_blocking_time_nothing_is_sent_again() {
    let world = World::new();
    let first = world.trigger(&world.alice);
    world.later(29);
    let second = world.trigger(&world.alice);
    assert_eq!((&second.transaction, &second.sms[0].job_id), (&first.transaction, &first.sms[0].job_id));
    assert_eq!((second.message.as_str(), second.already), ("sms with otp already submitted", true));
    assert_eq!(world.jobs().len(), 1);
    assert_eq!(world.token(&world.alice).counter, 1);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&world.alice.code(1))), accepted(&world.alice));
}

#[test]
fn after_the_blocking_time_a_new_code_kills_the_old_one() {
    let world = World::new();
    let first = world.trigger(&world.alice);
    world.later(30);
    let second = world.trigger(&world.alice);
    assert!(!second.already && second.transaction != first.transaction);
    assert_eq!(world.jobs()[1].otp.as_deref(), Some(&*world.alice.code(2)));

    let (old, new) = (world.alice.code(1), world.alice.code(2));
    let reject = |answer: Answer| assert!(matches!(answer, Answer::Rejected(_)), "{answer:?}");
    reject(world.check(&world.alice, &world.alice.pass(&old)));
    reject(world.answer(&world.alice, &old, &first.transaction));
    reject(world.answer(&world.alice, &old, &second.transaction));
    reject(world.answer(&world.alice, &new, &first.transaction));
    assert_eq!(world.answer(&world.alice, &new, &second.transaction), accepted(&world.alice));
}

#[test]
fn a_blocking_time_of_zero_sends_every_time() {
    let world = World::with(Policy { blocking: std::time::Duration::ZERO, ..policy() });
    world.trigger(&world.alice);
    assert!(!world.trigger(&world.alice).already);
    assert_eq!(world.jobs().len(), 2);
}

#[test]
fn an_expired_challenge_does_not_block() {
    let world = World::with(Policy { validity: std::time::Duration::from_secs(10), ..policy() });
    world.store.be_untidy();
    world.trigger(&world.alice);
    world.later(10);
    assert!(!world.trigger(&world.alice).already);
}

#[test]
fn a_challenge_that_was_answered_does_not_block() {
    let world = World::new();
    world.trigger(&world.alice);
    world.check(&world.alice, &world.alice.pass(&world.alice.code(1)));
    assert!(!world.trigger(&world.alice).already);
    assert_eq!(world.jobs()[1].otp.as_deref(), Some(&*world.alice.code(2)));
}

#[test]
fn a_token_without_a_pin_is_triggered_by_an_empty_pass() {
    let world = World::new();
    let sent = world.trigger(&world.bob);
    assert_eq!(world.jobs()[0].otp.as_deref(), Some(&*world.bob.code(1)));
    assert_eq!(world.bob.code(1).len(), 8);
    assert_eq!(world.check(&world.bob, "anything"), rejected(Reason::WrongPin));
    assert_eq!(world.check(&world.bob, &world.bob.code(2)), rejected(Reason::WrongOtp));
    assert_eq!(world.check(&world.bob, &world.bob.code(1)), accepted(&world.bob));
    assert_eq!(
        world.answer(&world.bob, &world.bob.code(1), &sent.transaction),
        rejected(Reason::UnknownTransaction)
    );
}

#[test]
fn an_empty_pass_is_a_failed_try_where_there_is_a_pin() {
    let world = World::new();
    assert_eq!(world.check(&world.alice, ""), rejected(Reason::WrongPin));
    assert_eq!(world.smspin(&world.alice, ""), rejected(Reason::WrongPin));
    assert_eq!(world.token(&world.alice).fail_count, 2);
    assert!(world.broker.published().is_empty());
}

#[test]
fn a_queue_known_to_be_away_is_an_honest_no_and_changes_nothing() {
    let world = World::new();
    world.broker.be(Mood::Away);
    assert_eq!(world.smspin(&world.alice, PIN), rejected(Reason::QueueAway));
    let token = world.token(&world.alice);
    assert_eq!((token.counter, token.fail_count), (0, 0));
    assert!(world.store.entries().is_empty() && world.broker.published().is_empty());
}

#[test]
fn a_failed_publish_moves_the_counter_and_leaves_the_job_in_the_outbox() {
    for mood in [Mood::Dying, Mood::Full, Mood::Unroutable, Mood::SilentLost, Mood::SilentStored] {
        let world = World::new();
        world.broker.be(mood);
        assert_eq!(world.smspin(&world.alice, PIN), rejected(Reason::QueueAway), "{mood:?}");
        let token = world.token(&world.alice);
        assert_eq!((token.counter, token.fail_count), (1, 0), "{mood:?}");
        assert_eq!(world.store.entries().len(), 1, "{mood:?}");

        // Who asks again is told of the same SMS, for the outbox keeps the promise.
        world.broker.be(Mood::Up);
        let again = world.trigger(&world.alice);
        assert!(again.already, "{mood:?}");
        assert_eq!(again.sms[0].job_id, world.store.entries()[0].job_id, "{mood:?}");
        world.later(30);
        assert!(!world.trigger(&world.alice).already, "{mood:?}");
        assert_eq!(world.jobs().last().unwrap().otp.as_deref(), Some(&*world.alice.code(2)), "{mood:?}");
    }
}

#[test]
fn a_token_whose_secret_does_not_open_sends_nothing() {
    let world = World::new();
    world.store.change(&world.alice.serial, |t| {
        t.secret = mtan_verifier::SealedSecret::from_bytes(vec![1; 60]);
    });
    assert_eq!(world.smspin(&world.alice, PIN), rejected(Reason::SecretUnreadable));
    assert_eq!(world.token(&world.alice).fail_count, 0, "the PIN was right");
}

#[test]
fn a_request_without_a_subject_asks_nobody() {
    let world = World::new();
    assert_eq!(alone(world.verifier.smspin(None, PIN)), rejected(Reason::Malformed));
    assert_eq!(alone(world.verifier.check(None, PIN, None)), rejected(Reason::Malformed));
    assert!(world.store.history().is_empty());
}

#[test]
fn the_prompt_is_the_installations_own() {
    let world = World::with(Policy { prompt: "look at your phone".to_owned(), ..policy() });
    assert_eq!(world.trigger(&world.alice).message, "look at your phone");
}
