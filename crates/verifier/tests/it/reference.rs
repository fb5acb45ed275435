//! The rules once more, as short as they can be said, for requests that come one after the other.

use jiff::Timestamp;
use mtan_verifier::{Answer, TransactionId};

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
    transaction: TransactionId,
    code: String,
    created_at: Timestamp,
}

/// One person's token, as it must be.
pub(crate) struct Reference {
    person: Person,
    counter: u64,
    fail_count: u32,
    open: Option<Open>,
}

impl Reference {
    pub(crate) fn new(person: &Person) -> Reference {
        Reference { person: person.clone(), counter: 0, fail_count: 0, open: None }
    }

    /// Takes over what the store has, after requests that came at once or met a store in trouble.
    pub(crate) fn take_over(&mut self, world: &World) {
        let token = world.token(&self.person);
        (self.counter, self.fail_count) = (token.counter, token.fail_count);
        let history = world.store.history();
        self.open = world.store.challenge(&self.person.serial).map(|challenge| Open {
            code: self.person.code(counter_of(&challenge, &history)),
            transaction: challenge.transaction,
            created_at: challenge.created_at,
        });
    }

    pub(crate) fn agrees_with(&self, world: &World) {
        let token = world.token(&self.person);
        assert_eq!((token.counter, token.fail_count), (self.counter, self.fail_count));
    }

    pub(crate) fn reset(&mut self) {
        self.fail_count = 0;
    }

    /// What must be answered, and what is true afterwards.
    pub(crate) fn ask(
        &mut self,
        door: Door,
        pass: &str,
        transaction: Option<&TransactionId>,
        mood: Mood,
        now: Timestamp,
    ) -> Expected {
        if self.fail_count == 10 {
            return Expected::Rejected;
        }
        let age = |open: &Open| now.duration_since(open.created_at).as_secs().unsigned_abs();
        self.open = self.open.take().filter(|open| age(open) < policy().validity.as_secs());
        let pin = self.person.pin;
        let answered = self.open.as_ref().is_some_and(|open| {
            let with_pin = pass == format!("{pin}{}", open.code);
            match transaction {
                None => with_pin,
                Some(asked) => *asked == open.transaction && (with_pin || pass == open.code),
            }
        });
        if answered && door == Door::Check {
            (self.open, self.fail_count) = (None, 0);
            return Expected::Accepted;
        }
        if transaction.is_some() || pass != pin {
            self.fail_count += 1;
            return Expected::Rejected;
        }
        if mood == Mood::Away {
            return Expected::Rejected;
        }
        if self.open.as_ref().is_some_and(|open| age(open) < policy().blocking.as_secs()) {
            return Expected::AlreadySubmitted;
        }
        self.counter += 1;
        let code = self.person.code(self.counter);
        self.open = Some(Open { transaction: TransactionId::from_request("0"), code, created_at: now });
        if matches!(mood, Mood::Up | Mood::Slow) { Expected::Submitted } else { Expected::Rejected }
    }

    /// The name of the newest challenge is the one thing that cannot be foretold.
    pub(crate) fn learn_transaction(&mut self, world: &World) {
        let stored = world.store.challenge(&self.person.serial);
        if let (Some(open), Some(stored)) = (&mut self.open, stored) {
            open.transaction = stored.transaction;
        }
    }
}
