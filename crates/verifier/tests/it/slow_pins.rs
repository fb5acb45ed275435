//! PINs under Argon2id: the same rules, on threads of their own.

use mtan_verifier::{Answer, PinScheme, Policy, Reason};

use crate::scheduler::{Task, alone, together};
use crate::world::{World, accepted, policy, rejected};

fn slow() -> World {
    World::with(Policy { pin_scheme: PinScheme::Argon2id, ..policy() })
}

#[test]
fn pin_then_pin_and_code_work_as_with_keyed_pins() {
    let world = slow();
    assert!(world.token(&world.alice).pin.to_text().starts_with("$argon2id$"));
    assert_eq!(world.smspin(&world.alice, "wrong"), rejected(Reason::WrongPin));
    let sent = world.trigger(&world.alice);
    let code = world.alice.code(1);
    assert_eq!(world.check(&world.alice, &format!("wrong{code}")), rejected(Reason::WrongPin));
    assert_eq!(
        world.answer(&world.alice, &format!("wrong{code}"), &sent.transaction),
        rejected(Reason::WrongPin)
    );
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), accepted(&world.alice));
    assert_eq!(world.check(&world.alice, &world.alice.pass(&code)), rejected(Reason::NoChallenge));
}

#[test]
fn a_pin_less_token_and_one_whose_pin_ends_in_digits_are_read_right() {
    let world = slow();
    world.trigger(&world.bob);
    assert_eq!(world.check(&world.bob, &world.bob.code(1)), accepted(&world.bob));

    let numbers = crate::world::Person { pin: "hunter123456", ..world.alice.clone() };
    world.enrol(&numbers);
    let sent = world.trigger(&numbers);
    let code = numbers.code(world.token(&numbers).counter);
    assert_eq!(world.answer(&numbers, &code, &sent.transaction), accepted(&numbers));
}

#[test]
fn both_kinds_of_hash_live_side_by_side() {
    let (keyed, slow) = (World::new(), slow());
    let kept = keyed.token(&keyed.alice).pin;
    slow.store.change(&slow.alice.serial, |token| token.pin = kept);
    assert_eq!(slow.token(&slow.alice).pin.to_text().len(), 64);
    assert_eq!(slow.smspin(&slow.alice, "wrong"), rejected(Reason::WrongPin));
    slow.trigger(&slow.alice);
    assert_eq!(slow.check(&slow.alice, &slow.alice.pass(&slow.alice.code(1))), accepted(&slow.alice));
}

#[test]
fn nobody_costs_as_much_as_somebody() {
    let world = slow();
    let nobody = crate::world::person("nobody", "LSSM0009", "x", &[1; 20], world.alice.algorithm, 6);
    let subject = nobody.subject();
    let asks: Vec<Task<'_, Answer>> = (0..200)
        .map(|_| Box::pin(world.verifier.smspin(Some(&subject), "wrong")) as Task<'_, Answer>)
        .collect();
    // the line is as full of those who are nobody as it would be of others: the same work is done for them
    let answers = together(1, asks);
    assert!(answers.contains(&rejected(Reason::Busy)) && answers.contains(&rejected(Reason::NoToken)));
}

#[test]
fn a_crowd_at_the_door_is_turned_away_and_locks_nobody_out() {
    let world = World::with(Policy { pin_scheme: PinScheme::Argon2id, max_fail_count: 1_000, ..policy() });
    let asks: Vec<Task<'_, Answer>> =
        (0..200).map(|_| Box::pin(async { world.smspin_later("wrong").await }) as Task<'_, Answer>).collect();
    let answers = together(7, asks);
    let busy = answers.iter().filter(|answer| **answer == rejected(Reason::Busy)).count();
    let wrong = answers.iter().filter(|answer| **answer == rejected(Reason::WrongPin)).count();
    assert!(busy > 0 && busy + wrong == 200, "{busy} busy, {wrong} wrong");
    // who was compared is counted, who was turned away is not
    assert_eq!(usize::try_from(world.token(&world.alice).fail_count).unwrap(), wrong);
    assert!(matches!(alone(world.smspin_later(world.alice.pin)), Answer::Challenged(_)));
}
