//! Promises when the store is away or silent: never a yes, and nothing is promised that a crash can lose.

use mtan_verifier::{Answer, Reason};

use crate::store::Trouble;
use crate::world::{PIN, World, rejected};

#[test]
fn a_store_that_is_away_is_a_no() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    world.store.be(Trouble::Away);
    let away = rejected(Reason::StoreAway);
    assert_eq!(world.smspin(&world.alice, PIN), away);
    assert_eq!(world.check(&world.alice, &world.alice.pass(&world.alice.code(1))), away);
    assert_eq!(world.answer(&world.alice, &world.alice.code(1), &sent.transaction), away);
}

#[test]
fn a_store_that_does_not_say_what_it_did_is_a_no() {
    let world = World::new();
    world.trigger(&world.alice);
    world.store.be(Trouble::Silent);
    let pass = world.alice.pass(&world.alice.code(1));
    assert_eq!(world.check(&world.alice, &pass), rejected(Reason::StoreAway));
    assert_eq!(world.smspin(&world.alice, PIN), rejected(Reason::StoreAway));
    assert_eq!(world.jobs().len(), 1, "what is not known to be opened is not published");
}

/// Runs one check during which the store's n-th step from now goes wrong, for every n and both kinds of wrong.
#[test]
fn whichever_step_fails_no_code_is_accepted_twice_and_no_promise_is_lost() {
    for trouble in [Trouble::Away, Trouble::Silent] {
        for step in 0..3 {
            for code in [false, true] {
                let world = World::new();
                if code {
                    world.trigger(&world.alice);
                }
                let pass = if code { world.alice.pass(&world.alice.code(1)) } else { PIN.to_owned() };
                world.store.be_once_after(step, trouble);
                let answer = world.check(&world.alice, &pass);
                match answer {
                    Answer::Accepted(_) => assert!(code && step > 1, "{step}"),
                    Answer::Challenged(_) => assert!(!code && step > 1, "{step}"),
                    Answer::Rejected(reason) => assert_eq!(reason, Reason::StoreAway, "{step}"),
                }
                world.store.be(Trouble::None);
                if code {
                    let again = world.check(&world.alice, &pass);
                    let used =
                        matches!(answer, Answer::Accepted(_)) || (step, trouble) == (1, Trouble::Silent);
                    assert_eq!(
                        again == Answer::Accepted(world.alice.serial.clone()),
                        !used,
                        "{step} {trouble:?}"
                    );
                } else {
                    // Published by the request, or by the relay if the store opened it in silence; never twice.
                    world.later(5);
                    world.relay();
                    let opened = step > 1 || (step, trouble) == (1, Trouble::Silent);
                    assert_eq!(world.jobs().len(), usize::from(opened), "{step} {trouble:?}");
                }
            }
        }
    }
}
