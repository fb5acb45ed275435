//! The rules once more, as short as they can be said, for requests that come one after the other.

use jiff::Timestamp;
use mtan_verifier::{Answer, Serial, TransactionId};

use crate::audit::{Door, counter_of};
use crate::broker::Mood;
use crate::world::{Person, World, policy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Accepted,
    Submitted,
    AlreadySubmitted,
    Rejected,
}

impl From<&Answer> for Expected {
    fn from(answer: &Answer) -> Expected {
        match answer {
            Answer::Accepted(_) => Expected::Accepted,
            Answer::Challenged(sent) if sent.already => Expected::AlreadySubmitted,
            Answer::Challenged(_) => Expected::Submitted,
            Answer::Rejected(_) => Expected::Rejected,
        }
    }
}

struct Open {
    /// Until its name is learnt: nobody's.
    transaction: TransactionId,
    code: String,
    created_at: Timestamp,
}

/// One token, as it must be.
struct Owned {
    person: Person,
    counter: u64,
    fail_count: u32,
    open: Option<Open>,
}

/// One user's tokens, as they must be.
pub(crate) struct Reference(Vec<Owned>);

/// What was asked.
pub(crate) struct Question<'a> {
    pub(crate) door: Door,
    /// One token by its serial; else all of the user's.
    pub(crate) serial: Option<&'a Serial>,
    pub(crate) pass: &'a str,
    pub(crate) transaction: Option<&'a TransactionId>,
}

impl Owned {
    fn age(&self, now: Timestamp) -> Option<u64> {
        self.open.as_ref().map(|open| now.duration_since(open.created_at).as_secs().unsigned_abs())
    }

    /// Whether it is what its open challenge waits for.
    fn is_answered_by(&self, question: &Question<'_>) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let with_pin = question.pass == self.person.pass(&open.code);
            match question.transaction {
                None => with_pin,
                Some(asked) => {
                    (open.transaction == *asked || open.transaction.root() == *asked)
                        && (with_pin || question.pass == open.code)
                }
            }
        })
    }
}

impl Reference {
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = &'a Person>) -> Reference {
        let owned = |person: &Person| Owned { person: person.clone(), counter: 0, fail_count: 0, open: None };
        Reference(tokens.into_iter().map(owned).collect())
    }

    /// Takes over what the store has, after requests that came at once or met a store in trouble.
    pub(crate) fn take_over(&mut self, world: &World) {
        let history = world.store.history();
        for owned in &mut self.0 {
            let token = world.token(&owned.person);
            (owned.counter, owned.fail_count) = (token.counter, token.fail_count);
            owned.open = world.store.challenge(&owned.person.serial).map(|challenge| Open {
                code: owned.person.code(counter_of(&challenge, &history)),
                transaction: challenge.transaction,
                created_at: challenge.created_at,
            });
        }
    }

    pub(crate) fn agrees_with(&self, world: &World) {
        for owned in &self.0 {
            let token = world.token(&owned.person);
            assert_eq!(
                (token.counter, token.fail_count),
                (owned.counter, owned.fail_count),
                "{}",
                token.serial
            );
        }
    }

    pub(crate) fn reset(&mut self, serial: &Serial) {
        self.0.iter_mut().filter(|owned| owned.person.serial == *serial).for_each(|o| o.fail_count = 0);
    }

    /// What must be answered, and what is true afterwards.
    pub(crate) fn ask(&mut self, question: &Question<'_>, mood: Mood, now: Timestamp) -> Expected {
        for owned in &mut self.0 {
            let age = owned.age(now);
            owned.open = owned.open.take().filter(|_| age < Some(policy().validity.as_secs()));
        }
        let touched = |owned: &&mut Owned| {
            owned.fail_count < 10 && question.serial.is_none_or(|serial| *serial == owned.person.serial)
        };
        let mut touched: Vec<&mut Owned> = self.0.iter_mut().filter(touched).collect();
        touched.iter_mut().for_each(|owned| owned.fail_count += 1);

        let answered: Vec<&&mut Owned> = touched.iter().filter(|o| o.is_answered_by(question)).collect();
        if let [one] = answered[..]
            && question.door == Door::Check
        {
            let root = one.open.as_ref().expect("it was answered").transaction.root();
            touched.iter_mut().for_each(|owned| owned.fail_count = 0);
            self.0.iter_mut().for_each(|o| o.open = o.open.take().filter(|c| c.transaction.root() != root));
            return Expected::Accepted;
        }
        let is_pin = |owned: &Owned| question.transaction.is_none() && question.pass == owned.person.pin;
        if !answered.is_empty() || !touched.iter().any(|owned| is_pin(owned)) {
            return Expected::Rejected;
        }
        touched.iter_mut().for_each(|owned| owned.fail_count -= 1);
        if mood == Mood::Away {
            return Expected::Rejected;
        }
        let mut right: Vec<&mut Owned> = touched.into_iter().filter(|owned| is_pin(owned)).collect();
        if right.iter().any(|owned| owned.age(now).is_some_and(|age| age < policy().blocking.as_secs())) {
            return Expected::AlreadySubmitted;
        }
        for owned in &mut right {
            owned.counter += 1;
            let code = owned.person.code(owned.counter);
            owned.open = Some(Open { transaction: TransactionId::from_request("0"), code, created_at: now });
        }
        if matches!(mood, Mood::Up | Mood::Slow) { Expected::Submitted } else { Expected::Rejected }
    }

    /// The names of the newest challenges are the one thing that cannot be foretold.
    pub(crate) fn learn_transactions(&mut self, world: &World) {
        for owned in &mut self.0 {
            let stored = world.store.challenge(&owned.person.serial);
            if let (Some(open), Some(stored)) = (&mut owned.open, stored) {
                open.transaction = stored.transaction;
            }
        }
    }
}
