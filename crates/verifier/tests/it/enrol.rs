//! Promises about tokens: made, changed, and never mixed up.

use mtan_jobs::Clock as _;
use mtan_sms::PhoneNumber;
use mtan_verifier::{EnrolError, MOST_TOKENS, NewToken, Pin, Reason, Serial};

use crate::broker::Mood;
use crate::scheduler::alone;
use crate::store::Trouble;
use crate::world::{PIN, Person, World, accepted, rejected};

fn new(phone: &str) -> NewToken {
    NewToken::new(PhoneNumber::parse(phone).unwrap(), Pin::new("1234"))
}

#[test]
fn a_token_gets_a_serial_and_a_secret_of_its_own() {
    let world = World::new();
    let serials: Vec<Serial> =
        (0..50).map(|_| alone(world.verifier.enrol(new("+4917012345"))).unwrap()).collect();
    for serial in &serials {
        assert!(serial.as_str().starts_with("LSSM") && serial.as_str().len() == 12, "{serial}");
        let token = alone(world.verifier.token(serial)).unwrap().unwrap();
        assert_eq!((token.counter, token.fail_count, token.active), (0, 0, true));
        assert_eq!((token.max_fail, token.digits.get()), (10, 6));
        assert_eq!(token.created_at, world.clock.now());
        assert_eq!(token.secret.open(&world.key, serial).unwrap().expose().len(), 20);
    }
}

#[test]
fn a_generated_serial_never_changes_a_token_that_is_there() {
    let (first, second) = (World::new(), World::new());
    // The same dice in both worlds: the second world already has the serial that the first one is given.
    let taken = alone(first.verifier.enrol(new("+4917012345"))).unwrap();
    let mut owned = new("+4917099999");
    owned.serial = Some(taken.clone());
    owned.secret = Some(mtan_hotp::Secret::new(vec![9; 20]).unwrap());
    alone(second.verifier.enrol(owned)).unwrap();
    let given = alone(second.verifier.enrol(new("+4917012345"))).unwrap();
    assert_ne!(given, taken);
    let untouched = alone(second.verifier.token(&taken)).unwrap().unwrap();
    assert_eq!(untouched.phone.expose(), "+4917099999");
}

#[test]
fn an_owner_has_sixteen_tokens_at_the_most() {
    let world = World::new();
    let enrol = |n: usize| {
        let mut next = new(&format!("+49170123{n:02}"));
        next.user = Some(world.alice.user.clone());
        alone(world.verifier.enrol(next))
    };
    // Alice has one already.
    assert!((1..MOST_TOKENS).all(|n| enrol(n).is_ok()));
    assert_eq!(enrol(MOST_TOKENS), Err(EnrolError::TooManyTokens));
}

#[test]
fn a_change_moves_the_counter_ends_a_lock_and_kills_the_open_challenge() {
    let world = World::new();
    let sent = world.trigger(&world.alice);
    world.check(&world.alice, "wrong");
    let changed = Person { pin: "neu", ..world.alice.clone() };
    world.enrol(&changed);
    let token = world.token(&world.alice);
    assert_eq!((token.counter, token.fail_count), (2, 0));
    assert_eq!(
        world.answer(&world.alice, &world.alice.code(1), &sent.transaction),
        rejected(Reason::UnknownTransaction)
    );
    assert_eq!(world.smspin(&world.alice, PIN), rejected(Reason::WrongPin));
    world.trigger(&changed);
    assert_eq!(world.check(&changed, &changed.pass(&changed.code(3))), accepted(&changed));
}

#[test]
fn a_pin_digest_belongs_to_its_token() {
    let world = World::new();
    let one = alone(world.verifier.enrol(new("+4917012345"))).unwrap();
    let two = alone(world.verifier.enrol(new("+4917012345"))).unwrap();
    let kept = |serial| world.store.now_of(serial).pin.to_text();
    assert_ne!(kept(&one), kept(&two), "same PIN, another digest");
}

#[test]
fn readiness_tells_what_is_missing() {
    let world = World::new();
    assert_eq!(alone(world.verifier.ready()), Ok(()));
    world.broker.be(Mood::Away);
    assert_eq!(alone(world.verifier.ready()), Err("not connected".to_owned()));
    world.store.be(Trouble::Away);
    assert_eq!(alone(world.verifier.ready()), Err("the store: away".to_owned()));
    assert!(matches!(alone(world.verifier.enrol(new("+4917012345"))), Err(EnrolError::Store(_))));
}
