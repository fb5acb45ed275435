//! A verifier with its store, its queue, its clock and its dice, and one or two people with tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_jobs::{Clock, SendJob};
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;
use mtan_verifier::{
    Answer, NewToken, Pin, Policy, Random, Reason, Sent, Serial, Subject, Template, Token, TransactionId,
    UserRef, Verifier,
};

use crate::broker::Broker;
use crate::scheduler::{Dice, alone};
use crate::store::MemoryStore;

pub(crate) struct FakeClock(Mutex<Timestamp>);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl FakeClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.saturating_add(by).unwrap();
    }
}

struct SeededRandom(Mutex<Dice>);

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = dice.next().to_be_bytes()[0]);
    }
}

/// Somebody with a token, and all that the outside knows of it.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: UserRef,
    pub(crate) serial: Serial,
    pub(crate) pin: &'static str,
    pub(crate) secret: Vec<u8>,
    pub(crate) algorithm: Algorithm,
    pub(crate) digits: Digits,
}

impl Person {
    /// The code of that counter, made without the verifier.
    pub(crate) fn code(&self, counter: u64) -> String {
        let secret = Secret::new(self.secret.clone()).unwrap();
        mtan_hotp::generate(&secret, counter, self.algorithm, self.digits).expose().to_owned()
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::User(self.user.clone())
    }

    /// PIN and code in one field.
    pub(crate) fn pass(&self, code: &str) -> String {
        format!("{}{code}", self.pin)
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) verifier: Verifier,
    pub(crate) key: ServerKey,
    pub(crate) alice: Person,
    /// Her token has no PIN, eight digits and SHA-256.
    pub(crate) bob: Person,
    /// Further tokens of Alice's.
    pub(crate) more: Vec<Person>,
}

pub(crate) const PIN: &str = "geheim";

pub(crate) fn policy() -> Policy {
    Policy { sms_text: Template::new("Your code: <otp>").unwrap(), ..Policy::default() }
}

impl World {
    pub(crate) fn new() -> World {
        World::with(policy())
    }

    pub(crate) fn with(policy: Policy) -> World {
        let clock = Arc::new(FakeClock(Mutex::new("2026-11-23T18:15:00Z".parse().unwrap())));
        let store = Arc::new(MemoryStore::new());
        let broker = Arc::new(Broker::new(store.clone()));
        let random = Arc::new(SeededRandom(Mutex::new(Dice(4711))));
        let key = ServerKey::from_base64("bXRhbiBtdGFuIG10YW4gbXRhbiBtdGFuIG10YW4gbXQ=", "test").unwrap();
        let verifier =
            Verifier::new(store.clone(), broker.clone(), clock.clone(), random, key.clone(), policy);
        let alice = person("alice", "LSSM0001", PIN, b"12345678901234567890", Algorithm::Sha1, 6);
        let bob = person("bob", "LSSM0002", "", &[0xb0; 32], Algorithm::Sha256, 8);
        let world = World { store, broker, clock, verifier, key, alice, bob, more: Vec::new() };
        world.enrol(&world.alice);
        world.enrol(&world.bob);
        world
    }

    /// Alice has further tokens, of these PINs and seeds.
    pub(crate) fn with_more(tokens: &[(&'static str, u8)]) -> World {
        let mut world = World::new();
        for (place, (pin, seed)) in (3..).zip(tokens) {
            let serial = format!("LSSM000{place}");
            let more = person("alice", &serial, pin, &[*seed; 20], Algorithm::Sha1, 6);
            world.enrol(&more);
            world.more.push(more);
        }
        world
    }

    /// Every token, with what the outside knows of it.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Person> {
        [&self.alice, &self.bob].into_iter().chain(&self.more)
    }

    /// The tokens of a user, or the one of that serial.
    pub(crate) fn tokens_of(&self, subject: &Subject) -> Vec<&Person> {
        let own = |person: &&Person| match subject {
            Subject::User(user) => person.user == *user,
            Subject::Serial(serial) => person.serial == *serial,
            Subject::Transaction(_) => false,
        };
        self.everybody().filter(own).collect()
    }

    pub(crate) fn enrol(&self, person: &Person) {
        let new = NewToken {
            serial: Some(person.serial.clone()),
            user: Some(person.user.clone()),
            secret: Some(Secret::new(person.secret.clone()).unwrap()),
            algorithm: person.algorithm,
            digits: Some(person.digits),
            description: "her phone".to_owned(),
            ..NewToken::new(PhoneNumber::parse("+491701234567").unwrap(), Pin::new(person.pin))
        };
        alone(self.verifier.enrol(new)).unwrap();
    }

    pub(crate) fn check(&self, person: &Person, pass: &str) -> Answer {
        alone(self.verifier.check(Some(&person.subject()), pass, None))
    }

    pub(crate) fn answer(&self, person: &Person, pass: &str, transaction: &TransactionId) -> Answer {
        alone(self.verifier.check(Some(&person.subject()), pass, Some(transaction)))
    }

    pub(crate) fn smspin(&self, person: &Person, pin: &str) -> Answer {
        alone(self.verifier.smspin(Some(&person.subject()), pin))
    }

    /// Alice's smspin as a task for several at once.
    pub(crate) async fn smspin_later(&self, pin: &str) -> Answer {
        self.verifier.smspin(Some(&self.alice.subject()), pin).await
    }

    /// Triggers with the right PIN; panics unless an SMS is under way.
    pub(crate) fn trigger(&self, person: &Person) -> Sent {
        match self.smspin(person, person.pin) {
            Answer::Challenged(sent) => sent,
            other => panic!("no challenge: {other:?}"),
        }
    }

    pub(crate) fn relay(&self) -> usize {
        alone(self.verifier.relay()).unwrap()
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn token(&self, person: &Person) -> Token {
        self.store.now_of(&person.serial)
    }

    /// The jobs in the queue.
    pub(crate) fn jobs(&self) -> Vec<SendJob> {
        self.broker.stored()
    }
}

pub(crate) fn person(
    name: &str,
    serial: &str,
    pin: &'static str,
    secret: &[u8],
    algorithm: Algorithm,
    digits: u8,
) -> Person {
    Person {
        user: UserRef::new(name, "example").unwrap(),
        serial: serial.parse().unwrap(),
        pin,
        secret: secret.to_vec(),
        algorithm,
        digits: Digits::new(digits).unwrap(),
    }
}

pub(crate) fn accepted(person: &Person) -> Answer {
    Answer::Accepted(person.serial.clone())
}

pub(crate) fn rejected(reason: Reason) -> Answer {
    Answer::Rejected(reason)
}
