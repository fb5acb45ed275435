//! Random lives: requests one after the other and at once, time, outages and the relay, held against the reference
//! and the audit.

use std::cell::{Cell, RefCell};

use mtan_jobs::Clock as _;
use mtan_verifier::{Answer, Challenge, Subject, TransactionId};
use proptest::prelude::*;

use crate::audit::{Asked, Door, audit, counter_of, nothing_is_lost};
use crate::broker::Mood;
use crate::reference::{Expected, Question, Reference};
use crate::scheduler::{Task, alone, as_request, together};
use crate::store::{Event, Trouble};
use crate::world::{PIN, Person, World};

#[derive(Debug, Clone, Copy)]
enum PinPart {
    Right,
    Wrong,
    None,
}

#[derive(Debug, Clone, Copy)]
enum CodePart {
    None,
    Newest,
    Older,
    /// Made with the next counter, but not sent.
    Next,
    Somebodys,
    /// Of another token of the same user.
    Siblings,
    Garbage,
}

#[derive(Debug, Clone, Copy)]
enum TransactionPart {
    None,
    Newest,
    /// What names the newest and its siblings.
    Root,
    Older,
    Somebodys,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Ask {
    alice: bool,
    /// Which of her tokens PIN, code and transaction are of.
    token: usize,
    /// Whether that one is asked for by its serial.
    by_serial: bool,
    door: Door,
    pin: PinPart,
    code: CodePart,
    transaction: TransactionPart,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    Ask(Ask),
    /// Triggers, and answers as soon as the SMS is under way.
    Login {
        alice: bool,
        token: usize,
    },
    Relay,
    Later(u16),
}

#[derive(Debug, Clone)]
enum Step {
    One(Doing),
    AtOnce(Vec<Doing>, u64),
    Mood(Mood),
    Trouble(Trouble),
    Reset { alice: bool, token: usize },
}

fn ask() -> impl Strategy<Value = Ask> {
    let door = prop_oneof![3 => Just(Door::Check), 1 => Just(Door::Smspin)];
    let pin = prop_oneof![5 => Just(PinPart::Right), 1 => Just(PinPart::Wrong), 3 => Just(PinPart::None)];
    let code = prop_oneof![
        4 => Just(CodePart::None),
        4 => Just(CodePart::Newest),
        1 => Just(CodePart::Older),
        1 => Just(CodePart::Next),
        1 => Just(CodePart::Somebodys),
        1 => Just(CodePart::Siblings),
        1 => Just(CodePart::Garbage),
    ];
    let transaction = prop_oneof![
        5 => Just(TransactionPart::None),
        2 => Just(TransactionPart::Newest),
        2 => Just(TransactionPart::Root),
        1 => Just(TransactionPart::Older),
        1 => Just(TransactionPart::Somebodys),
        1 => Just(TransactionPart::Unknown),
    ];
    let by_serial = prop::bool::weighted(0.2);
    (prop::bool::weighted(0.7), 0_usize..3, by_serial, door, pin, code, transaction).prop_map(
        |(alice, token, by_serial, door, pin, code, transaction)| Ask {
            alice,
            token,
            by_serial,
            door,
            pin,
            code,
            transaction,
        },
    )
}

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        8 => ask().prop_map(Doing::Ask),
        2 => (prop::bool::weighted(0.7), 0_usize..3).prop_map(|(alice, token)| Doing::Login { alice, token }),
        1 => Just(Doing::Relay),
        2 => prop_oneof![1_u16..6, 25_u16..40, 290_u16..310].prop_map(Doing::Later),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let mood = prop::sample::select(vec![
        Mood::Up,
        Mood::Up,
        Mood::Slow,
        Mood::Away,
        Mood::Dying,
        Mood::Full,
        Mood::Unroutable,
        Mood::SilentStored,
        Mood::SilentLost,
    ]);
    let trouble = prop_oneof![
        5 => Just(Trouble::None),
        1 => Just(Trouble::Away),
        1 => Just(Trouble::Silent),
        2 => any::<u64>().prop_map(Trouble::Flaky),
    ];
    prop_oneof![
        10 => doing().prop_map(Step::One),
        6 => (prop::collection::vec(doing(), 2..5), any::<u64>()).prop_map(|(d, seed)| Step::AtOnce(d, seed)),
        2 => mood.prop_map(Step::Mood),
        1 => trouble.prop_map(Step::Trouble),
        1 => (any::<bool>(), 0_usize..3).prop_map(|(alice, token)| Step::Reset { alice, token }),
    ]
}

/// PINs and seeds of Alice's further tokens: none, one or two, of her first one's PIN or another. Two of one seed send the
/// same codes, as long as they are triggered together.
fn more_tokens() -> impl Strategy<Value = Vec<(&'static str, u8)>> {
    prop::sample::select(vec![
        vec![],
        vec![(PIN, 3)],
        vec![("anders", 3)],
        vec![(PIN, 3), ("anders", 4)],
        vec![(PIN, 3), (PIN, 4)],
        vec![(PIN, 3), (PIN, 3)],
    ])
}

struct Life {
    world: World,
    references: [Reference; 2],
    asked: RefCell<Vec<Asked>>,
    next: Cell<usize>,
}

impl Life {
    fn new(more: &[(&'static str, u8)]) -> Life {
        let world = World::with_more(more);
        let references =
            [Reference::new([&world.alice].into_iter().chain(&world.more)), Reference::new([&world.bob])];
        Life { world, references, asked: RefCell::default(), next: Cell::new(1) }
    }

    fn person(&self, alice: bool, token: usize) -> &Person {
        let own = self.world.tokens_of(&self.subject(alice));
        own[token % own.len()]
    }

    fn subject(&self, alice: bool) -> Subject {
        if alice { self.world.alice.subject() } else { self.world.bob.subject() }
    }

    /// Challenges opened for that token, the newest last, with their codes.
    fn opened(&self, person: &Person) -> Vec<(TransactionId, String)> {
        let history = self.world.store.history();
        let of_person = |event: &Event| match event {
            Event::Opened { challenge, counter, .. } if challenge.serial == person.serial => {
                Some((challenge.transaction.clone(), person.code(*counter)))
            }
            _ => None,
        };
        history.iter().filter_map(|(_, event)| of_person(event)).collect()
    }

    /// What the request says, in words.
    fn spell(&self, ask: &Ask) -> (String, Option<TransactionId>) {
        let (person, other) = (self.person(ask.alice, ask.token), self.person(!ask.alice, ask.token));
        let (own, others) = (self.opened(person), self.opened(other));
        let siblings = self.opened(self.person(ask.alice, ask.token + 1));
        let older = own.len().checked_sub(2).map(|at| &own[at]);
        let code = match ask.code {
            CodePart::None => None,
            CodePart::Newest => own.last().map(|o| o.1.clone()),
            CodePart::Older => older.map(|o| o.1.clone()),
            CodePart::Next => Some(person.code(own.len() as u64 + 1)),
            CodePart::Somebodys => others.last().map(|o| o.1.clone()),
            CodePart::Siblings => siblings.last().map(|o| o.1.clone()),
            CodePart::Garbage => Some("12a456".to_owned()),
        };
        let transaction = match ask.transaction {
            TransactionPart::None => None,
            TransactionPart::Newest => own.last().map(|o| o.0.clone()),
            TransactionPart::Root => own.last().map(|o| o.0.root()),
            TransactionPart::Older => older.map(|o| o.0.clone()),
            TransactionPart::Somebodys => others.last().map(|o| o.0.clone()),
            TransactionPart::Unknown => Some(TransactionId::from_request("not one")),
        };
        let pin = match ask.pin {
            PinPart::Right => person.pin,
            PinPart::Wrong => "falsch",
            PinPart::None => "",
        };
        (format!("{pin}{}", code.unwrap_or_default()), transaction)
    }

    async fn request(
        &self,
        subject: Subject,
        door: Door,
        pass: String,
        transaction: Option<TransactionId>,
    ) -> Answer {
        let request = self.next.replace(self.next.get() + 1);
        let work = async {
            match door {
                Door::Check => self.world.verifier.check(Some(&subject), &pass, transaction.as_ref()).await,
                Door::Smspin => self.world.verifier.smspin(Some(&subject), &pass).await,
            }
        };
        let answer = as_request(request, work).await;
        let transaction = transaction.filter(|_| door == Door::Check);
        let asked = Asked { request, subject, door, pass, transaction, answer: answer.clone() };
        self.asked.borrow_mut().push(asked);
        answer
    }

    async fn perform(&self, doing: Doing, spelled: (String, Option<TransactionId>)) {
        match doing {
            Doing::Ask(ask) => {
                self.request(self.subject_of(&ask), ask.door, spelled.0, spelled.1).await;
            }
            Doing::Login { alice, token } => self.log_in(self.person(alice, token)).await,
            // A relay that meets a store in trouble says so; what it left undone is the audit's business.
            Doing::Relay => drop(self.world.verifier.relay().await),
            Doing::Later(seconds) => self.world.later(u64::from(seconds)),
        }
    }

    fn subject_of(&self, ask: &Ask) -> Subject {
        match ask.by_serial {
            true => Subject::Serial(self.person(ask.alice, ask.token).serial.clone()),
            false => self.subject(ask.alice),
        }
    }

    /// With the PIN of that token, and the code of one of those that were sent.
    async fn log_in(&self, person: &Person) {
        let answer = self.request(person.subject(), Door::Smspin, person.pin.to_owned(), None).await;
        let Answer::Challenged(sent) = answer else { return };
        let sms = sent.sms.last().expect("at least one SMS");
        let of_token = self.world.everybody().find(|p| p.serial == sms.serial).expect("one of ours");
        let opened = self.opened(of_token);
        let code = opened.into_iter().find(|o| o.0 == sms.transaction).expect("it was opened").1;
        self.request(person.subject(), Door::Check, code, Some(sent.transaction)).await;
    }

    fn one(&mut self, doing: Doing) {
        let spelled = self.spelled(&doing);
        let (mood, now) = (self.world.broker.mood(), self.world.clock.now());
        if let (Doing::Ask(ask), Trouble::None) = (doing, self.world.store.trouble()) {
            let place = usize::from(!ask.alice);
            let serial = self.person(ask.alice, ask.token).serial.clone();
            let question = Question {
                door: ask.door,
                serial: ask.by_serial.then_some(&serial),
                pass: &spelled.0,
                transaction: spelled.1.as_ref().filter(|_| ask.door == Door::Check),
            };
            let expected = self.references[place].ask(&question, mood, now);
            alone(self.perform(doing, spelled));
            let asked = self.asked.borrow().last().cloned().expect("it was asked");
            assert_eq!(Expected::from(&asked.answer), expected, "{asked:?}");
            self.references[place].learn_transactions(&self.world);
            self.references[place].agrees_with(&self.world);
        } else {
            alone(self.perform(doing, spelled));
            self.take_over();
        }
    }

    fn spelled(&self, doing: &Doing) -> (String, Option<TransactionId>) {
        if let Doing::Ask(ask) = doing { self.spell(ask) } else { (String::new(), None) }
    }

    fn at_once(&mut self, doings: &[Doing], seed: u64) {
        let tasks = doings.iter().map(|doing| -> Task<'_, ()> {
            let spelled = self.spelled(doing);
            Box::pin(self.perform(*doing, spelled))
        });
        together(seed, tasks.collect());
        self.take_over();
    }

    fn take_over(&mut self) {
        for reference in &mut self.references {
            reference.take_over(&self.world);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::One(doing) => self.one(*doing),
            Step::AtOnce(doings, seed) => self.at_once(doings, *seed),
            Step::Mood(mood) => self.world.broker.be(*mood),
            Step::Trouble(trouble) => self.world.store.be(*trouble),
            Step::Reset { alice, token } => {
                let serial = self.person(*alice, *token).serial.clone();
                self.world.store.reset(&serial);
                self.references[usize::from(!alice)].reset(&serial);
            }
        }
    }
}

/// The codes of the first counters differ, so that a code names its challenge.
fn codes_differ(world: &World) {
    for person in world.everybody() {
        let codes: std::collections::HashSet<String> = (0..200).map(|counter| person.code(counter)).collect();
        assert_eq!(codes.len(), 200);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_life_keeps_the_invariants(
        tidy: bool,
        more in more_tokens(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut life = Life::new(&more);
        if !tidy {
            life.world.store.be_untidy();
        }
        codes_differ(&life.world);
        steps.iter().for_each(|step| life.step(step));
        audit(&life.world, &life.asked.borrow());

        life.world.store.be(Trouble::None);
        life.world.broker.be(Mood::Up);
        nothing_is_lost(&life.world);
        audit(&life.world, &life.asked.borrow());
    }
}

/// A test of the test: random lives come to every kind of answer, alone and at once.
#[test]
fn random_lives_see_every_kind_of_answer() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for _ in 0..150 {
        let steps = prop::collection::vec(step(), 40..60).new_tree(&mut runner).unwrap().current();
        let more = more_tokens().new_tree(&mut runner).unwrap().current();
        let mut life = Life::new(&more);
        steps.iter().for_each(|step| life.step(step));
        for asked in life.asked.borrow().iter() {
            let kind = match &asked.answer {
                Answer::Rejected(reason) => reason.as_str().to_owned(),
                other => format!("{:?}", Expected::from(other)),
            };
            *seen.entry(kind).or_default() += 1;
        }
        for (_, event) in life.world.store.history() {
            let kind = match event {
                Event::Overtook => "overtaken",
                Event::Closed { .. } => "sibling_closed",
                _ => continue,
            };
            *seen.entry(kind.to_owned()).or_default() += 1;
        }
    }
    for kind in [
        "Accepted",
        "Submitted",
        "AlreadySubmitted",
        "wrong_pin",
        "wrong_otp",
        "no_challenge",
        "unknown_transaction",
        "locked",
        "already_used",
        "store_away",
        "queue_away",
        "overtaken",
        "sibling_closed",
        "several_tokens",
    ] {
        assert!(seen.get(kind).is_some_and(|n| *n >= 3), "{kind}: {seen:?}");
    }
}

#[test]
fn the_counter_of_a_challenge_is_found() {
    let life = Life::new(&[]);
    life.world.trigger(&life.world.alice);
    let challenge: Challenge = life.world.store.challenge(&life.world.alice.serial).unwrap();
    assert_eq!(counter_of(&challenge, &life.world.store.history()), 1);
}
