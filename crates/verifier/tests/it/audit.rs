//! The invariants, held against what the store and the queue saw. Knows nothing of how the rules are written.

use std::collections::{HashMap, HashSet};

use mtan_jobs::JobId;
use mtan_verifier::{Admission, Answer, Challenge, Reason, Serial, Subject, TransactionId};

use crate::store::Event;
use crate::world::{Person, World, policy};

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The number under which it was made.
    pub(crate) request: usize,
    pub(crate) subject: Subject,
    pub(crate) door: Door,
    pub(crate) pass: String,
    pub(crate) transaction: Option<TransactionId>,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Check,
    Smspin,
}

impl Asked {
    fn is_pin(&self, person: &Person) -> bool {
        self.transaction.is_none() && self.pass == person.pin
    }

    /// Whether it is the PIN of one of the tokens that it asks.
    fn is_a_pin(&self, world: &World) -> bool {
        world.tokens_of(&self.subject).into_iter().any(|person| self.is_pin(person))
    }

    /// Whether it is what the challenge with the code `code` waits for.
    fn answers(&self, person: &Person, challenge: &Challenge, code: &str) -> bool {
        let with_pin = self.pass == person.pass(code);
        self.door == Door::Check
            && match &self.transaction {
                Some(asked) => {
                    let named = challenge.transaction == *asked || challenge.transaction.root() == *asked;
                    named && (with_pin || self.pass == code)
                }
                None => with_pin,
            }
    }
}

pub(crate) fn audit(world: &World, asked: &[Asked]) {
    let history = world.store.history();
    for one in asked {
        one_request(world, one, &history);
    }
    for person in world.everybody() {
        one_token(world, person, asked, &history);
    }
    the_queue(world, &history);
}

fn person<'a>(world: &'a World, serial: &Serial) -> &'a Person {
    world.everybody().find(|p| p.serial == *serial).expect("one of ours")
}

fn one_request(world: &World, one: &Asked, history: &[(usize, Event)]) {
    let own: Vec<(usize, &Event)> = history
        .iter()
        .enumerate()
        .filter(|(_, (by, _))| *by == one.request)
        .map(|(at, (_, e))| (at, e))
        .collect();
    let tried: Vec<(&Serial, Admission)> = own.iter().filter_map(|(_, event)| admitted(event)).collect();
    let counted = |serial: &Serial| tried.contains(&(serial, Admission::Counted));
    let forgiven: Vec<&Serial> = own.iter().filter_map(|(_, event)| forgiven(event)).collect();
    let consumed = own.iter().find_map(|(at, event)| match event {
        Event::Consumed { challenge, now, others } => Some((*at, challenge, *now, others)),
        _ => None,
    });

    let asked = world.tokens_of(&one.subject);
    assert!(tried.iter().all(|(serial, _)| asked.iter().any(|p| p.serial == **serial)), "{one:?} {own:?}");
    if !tried.iter().any(|(_, admission)| *admission == Admission::Counted) {
        assert!(own.len() == tried.len(), "nothing follows a try that was not counted: {one:?} {own:?}");
        let Answer::Rejected(reason) = one.answer else { panic!("{one:?}") };
        assert!(matches!(reason, Reason::Locked | Reason::StoreAway), "{one:?}");
    }
    for (n, serial) in forgiven.iter().enumerate() {
        assert!(one.is_a_pin(world), "only a right PIN is forgiven: {one:?} {own:?}");
        assert!(
            counted(serial) && !forgiven[..n].contains(serial),
            "what was counted, once: {one:?} {own:?}"
        );
    }

    match &one.answer {
        Answer::Accepted(serial) => {
            let used = consumed.is_some_and(|(_, challenge, ..)| challenge.serial == *serial);
            assert!(used, "accepted without using a code up: {one:?}");
        }
        Answer::Challenged(sent) => {
            assert!(!sent.sms.is_empty(), "{one:?}");
            for sms in &sent.sms {
                assert!(one.is_pin(person(world, &sms.serial)), "challenged without the PIN: {one:?}");
                assert!(forgiven.contains(&&sms.serial), "{one:?}");
                assert!(world.store.was_opened(&sms.job_id), "promised and never opened: {one:?}");
                assert!(sms.transaction.root() == sent.transaction, "of one root: {one:?}");
            }
        }
        Answer::Rejected(reason) => {
            let silent = *reason == Reason::StoreAway;
            assert!(consumed.is_none() || silent, "rejected with a code used up: {one:?}");
        }
    }
    if let Some((at, challenge, now, others)) = consumed {
        let person = person(world, &challenge.serial);
        let counter = counter_of(challenge, history);
        assert!(counted(&person.serial), "{one:?} {own:?}");
        assert!(others.iter().all(counted), "only what the request touched is cleared: {one:?} {own:?}");
        assert!(one.answers(person, challenge, &person.code(counter)), "a code used up for nothing: {one:?}");
        assert!(now < challenge.expires_at, "{one:?}");
        still_open(challenge, &history[..at], one);
    }
}

/// Of all that happened before, the opening is the last thing that happened to the challenge.
fn still_open(challenge: &Challenge, earlier: &[(usize, Event)], one: &Asked) {
    // Siblings are noted as closed by the very step that uses the challenge up, so they stand before it.
    let last = earlier.iter().rev().find_map(|(_, event)| match event {
        Event::Opened { challenge: c, .. } | Event::Consumed { challenge: c, .. }
            if c.serial == challenge.serial =>
        {
            Some((matches!(event, Event::Opened { .. }), &c.transaction))
        }
        Event::Closed { serial } if *serial == challenge.serial => Some((false, &challenge.transaction)),
        _ => None,
    });
    assert_eq!(last, Some((true, &challenge.transaction)), "not the newest, or closed: {one:?}");
}

fn admitted(event: &Event) -> Option<(&Serial, Admission)> {
    match event {
        Event::Tried { serial, admission, .. } => Some((serial, *admission)),
        _ => None,
    }
}

fn forgiven(event: &Event) -> Option<&Serial> {
    match event {
        Event::Forgave { serial } => Some(serial),
        _ => None,
    }
}

pub(crate) fn counter_of(challenge: &Challenge, history: &[(usize, Event)]) -> u64 {
    let counter = history.iter().find_map(|(_, event)| match event {
        Event::Opened { challenge: c, counter, .. } if c.transaction == challenge.transaction => {
            Some(*counter)
        }
        _ => None,
    });
    counter.expect("a challenge that was opened")
}

fn one_token(world: &World, person: &Person, asked: &[Asked], history: &[(usize, Event)]) {
    let blocking = policy().blocking;
    let validity = policy().validity;
    // the PIN of one token is no guess at another one's: who knows it has one text to say, again and again
    let guess = |request: usize| asked.iter().any(|a| a.request == request && !a.is_a_pin(world));
    let max_fail = world.token(person).max_fail;
    let (mut counter, mut guesses, mut late) = (0, 0, 0);
    let mut in_flight: HashSet<usize> = HashSet::new();
    let mut before_reset: HashSet<usize> = HashSet::new();
    for (by, event) in history {
        match event {
            Event::Tried { serial, admission, fail_count } if *serial == person.serial => {
                assert!(*fail_count <= max_fail, "{event:?}");
                assert!(*admission != Admission::Counted || *fail_count > 0, "{event:?}");
                if *admission == Admission::Counted {
                    guesses += u32::from(guess(*by));
                    in_flight.insert(*by);
                }
            }
            // A try that was counted before a success and is taken back after it takes back another one.
            Event::Forgave { serial } if *serial == person.serial => {
                late += u32::from(before_reset.contains(by));
            }
            Event::Consumed { challenge, others, .. }
                if challenge.serial == person.serial || others.contains(&person.serial) =>
            {
                (guesses, late) = (0, 0);
                before_reset = std::mem::take(&mut in_flight);
            }
            Event::Reset { serial } if *serial == person.serial => {
                (guesses, late) = (0, 0);
                before_reset = std::mem::take(&mut in_flight);
            }
            Event::Opened { challenge, before, counter: new } if challenge.serial == person.serial => {
                assert_eq!(*new, counter + 1, "the counter grows by one with each code");
                counter = *new;
                assert_eq!(challenge.expires_at, challenge.created_at.saturating_add(validity).unwrap());
                let allowed = before.as_ref().is_none_or(|b| {
                    let blocked_until = b.created_at.saturating_add(blocking).unwrap();
                    b.expires_at <= challenge.created_at || blocked_until <= challenge.created_at
                });
                assert!(allowed, "a second SMS inside the blocking time: {event:?}");
            }
            _ => {}
        }
        assert!(guesses <= max_fail + late, "more guesses than the limit");
    }
    assert_eq!(world.token(person).counter, counter);
}

fn the_queue(world: &World, history: &[(usize, Event)]) {
    let mut jobs: HashMap<JobId, _> = HashMap::new();
    for published in world.broker.published() {
        let job = published.job;
        assert!(published.opened_before, "published before it was stored: {job:?}");
        let challenge = history.iter().find_map(|(_, event)| match event {
            Event::Opened { challenge, .. } if challenge.job_id == job.id => Some(challenge),
            _ => None,
        });
        let challenge = challenge.expect("opened before");
        let code = person(world, &challenge.serial).code(counter_of(challenge, history));
        assert_eq!(job.text.expose(), format!("Your code: {code}"));
        assert_eq!(job.expires_at, Some(challenge.expires_at));
        assert_eq!(job.reference.as_ref().map(|r| r.as_str()), Some(challenge.transaction.as_str()));
        let first = jobs.entry(job.id.clone()).or_insert_with(|| job.clone());
        assert_eq!(*first, job, "one id, one text");
    }
}

/// When all is well again, everything that was opened is in the queue or was reported as too late.
pub(crate) fn nothing_is_lost(world: &World) {
    for _ in 0..100 {
        world.relay();
        world.later(10);
    }
    assert!(world.store.entries().is_empty(), "the outbox empties itself");
    let stored: HashSet<JobId> = world.jobs().into_iter().map(|job| job.id).collect();
    for (_, event) in world.store.history() {
        if let Event::Opened { challenge, .. } = event {
            let reported = world.store.ledger_entry(&challenge.job_id).is_some_and(|e| e.outcome.is_some());
            assert!(stored.contains(&challenge.job_id) || reported, "lost: {challenge:?}");
        }
    }
}
