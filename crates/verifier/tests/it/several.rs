//! A user with several tokens: challenged together, answered once.

use std::time::Duration;

use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_sms::PhoneNumber;
use mtan_verifier::{
    Answer, End, Fate, NewToken, OtpPin, Pin, Policies, Policy, Reason, Sent, Serial, Subject, TrailOf,
    TransactionId,
};

use crate::broker::Mood;
use crate::scheduler::alone;
use crate::world::{World, policy, rejected};

const PIN: &str = "geheim";

/// Carla has two tokens of one PIN and a third of another.
struct Carla {
    world: World,
    subject: Subject,
    serials: [Serial; 3],
}

impl Carla {
    fn new() -> Carla {
        let world = World::new();
        let user = mtan_verifier::UserRef::new("carla", "home").unwrap();
        let serials = ["C1", "C2", "C3"].map(|name| name.parse::<Serial>().unwrap());
        for (n, serial) in serials.iter().enumerate() {
            let token = NewToken {
                serial: Some(serial.clone()),
                user: Some(user.clone()),
                secret: Some(secret(n)),
                ..NewToken::new(
                    PhoneNumber::parse(&format!("+49170999900{n}")).unwrap(),
                    Pin::new(if n == 2 { "anders" } else { PIN }),
                )
            };
            alone(world.verifier.enrol(token)).unwrap();
        }
        Carla { world, subject: Subject::User(user), serials }
    }

    fn check(&self, pass: &str, transaction: Option<&TransactionId>) -> Answer {
        alone(self.world.verifier.check(Some(&self.subject), pass, transaction))
    }

    fn trigger(&self) -> Sent {
        match alone(self.world.verifier.smspin(Some(&self.subject), PIN)) {
            Answer::Challenged(sent) => sent,
            other => panic!("{other:?}"),
        }
    }

    fn fails(&self) -> [u32; 3] {
        self.serials.each_ref().map(|serial| self.world.store.now_of(serial).fail_count)
    }

    fn accepted(&self, n: usize) -> Answer {
        Answer::Accepted(self.serials[n].clone())
    }
}

fn secret(n: usize) -> Secret {
    Secret::new(vec![u8::try_from(n).unwrap() + 1; 20]).unwrap()
}

/// The code of the token `n` at `counter`.
fn code(n: usize, counter: u64) -> String {
    mtan_hotp::generate(&secret(n), counter, Algorithm::Sha1, Digits::default()).expose().to_owned()
}

#[test]
fn every_token_of_the_pin_is_challenged_under_one_root() {
    let carla = Carla::new();
    let sent = carla.trigger();
    assert!(!sent.already);
    assert_eq!(sent.message, "Multiple challenges submitted.");
    let root = sent.transaction.as_str();
    assert!(root.len() == 14 && root.bytes().all(|b| b.is_ascii_digit()) && !root.starts_with('0'), "{root}");
    let each: Vec<(String, String)> =
        sent.sms.iter().map(|sms| (sms.transaction.to_string(), sms.serial.to_string())).collect();
    assert_eq!(each, [(format!("{root}.01"), "C1".to_owned()), (format!("{root}.02"), "C2".to_owned())]);
    let jobs = carla.world.jobs();
    let sent_to: Vec<(String, &str)> =
        jobs.iter().map(|job| (job.to.expose().to_owned(), job.otp.as_deref().unwrap())).collect();
    assert_eq!(
        sent_to,
        [("+491709999000".to_owned(), &*code(0, 1)), ("+491709999001".to_owned(), &*code(1, 1))]
    );
    assert_eq!(carla.fails(), [0, 0, 0], "a right PIN is no try, on no token");

    let again = carla.trigger();
    assert!(again.already);
    assert_eq!((again.transaction, again.sms), (sent.transaction, sent.sms));
    assert_eq!(carla.world.jobs().len(), 2, "no further SMS inside the blocking time");
    assert_eq!(carla.fails(), [0, 0, 0]);
}

#[test]
fn a_success_with_any_of_them_closes_all() {
    for n in [0, 1] {
        let by_pin = format!("{PIN}{}", code(n, 1));
        let other = format!("{PIN}{}", code(1 - n, 1));
        let carla = Carla::new();
        let sent = carla.trigger();
        assert_eq!(carla.check("falsch", None), rejected(Reason::WrongPin));
        assert_eq!(carla.fails(), [1, 1, 1]);
        assert_eq!(carla.check(&by_pin, None), carla.accepted(n));
        assert_eq!(carla.fails(), [0, 0, 0]);
        for (pass, transaction) in
            [(&by_pin, None), (&other, None), (&code(1 - n, 1), Some(&sent.transaction))]
        {
            assert!(matches!(carla.check(pass, transaction), Answer::Rejected(_)), "{pass}");
        }
        let trails =
            alone(carla.world.verifier.explain(&TrailOf::Transaction(sent.transaction), 16)).unwrap();
        let ends: Vec<_> = trails.iter().map(|trail| trail.end.unwrap().0).collect();
        assert_eq!(ends, if n == 0 { [End::Used, End::Sibling] } else { [End::Sibling, End::Used] });
        let now = trails[0].end.unwrap().1;
        assert!(matches!(trails[n].fate(now), Some(Fate::Ended(End::Used, _))));
    }
}

#[test]
fn a_success_with_one_that_was_asked_for_alone_closes_its_siblings_too() {
    for by_serial in [true, false] {
        let carla = Carla::new();
        let sent = carla.trigger();
        assert_eq!(carla.check("falsch", None), rejected(Reason::WrongPin));
        let (first, verifier) = (&sent.sms[0], &carla.world.verifier);
        let answer = match by_serial {
            true => {
                let subject = Subject::Serial(first.serial.clone());
                alone(verifier.check(Some(&subject), &code(0, 1), Some(&first.transaction)))
            }
            false => alone(verifier.check_transaction(&first.transaction, &code(0, 1))).answer,
        };
        assert_eq!(answer, carla.accepted(0));
        assert_eq!(carla.fails(), [0, 1, 1], "tries are cleared where they were touched");
        let second = &sent.sms[1].transaction;
        for transaction in [None, Some(second), Some(&sent.transaction)] {
            let pass = if transaction.is_some() { code(1, 1) } else { format!("{PIN}{}", code(1, 1)) };
            assert!(matches!(carla.check(&pass, transaction), Answer::Rejected(_)), "{transaction:?}");
        }
    }
}

#[test]
fn the_root_takes_the_code_of_any_and_a_sibling_its_own_alone() {
    let carla = Carla::new();
    let sent = carla.trigger();
    let second = sent.sms[1].transaction.clone();
    assert!(matches!(carla.check(&code(0, 1), Some(&second)), Answer::Rejected(_)));
    assert_eq!(carla.check(&code(1, 1), Some(&sent.transaction)), carla.accepted(1));

    carla.world.later(60);
    let sent = carla.trigger();
    assert_eq!(carla.check(&code(0, 2), Some(&sent.sms[0].transaction.clone())), carla.accepted(0));

    carla.world.later(60);
    let sent = carla.trigger();
    let answered = alone(carla.world.verifier.check_transaction(&sent.transaction, &code(1, 3)));
    assert_eq!(answered.answer, carla.accepted(1));
    assert_eq!(answered.token, Some((carla.serials[1].clone(), 0)));
}

#[test]
fn a_wrong_code_is_counted_on_every_token_and_locks_all_that_can_be_guessed() {
    let carla = Carla::new();
    let sent = carla.trigger();
    for n in 1..=10 {
        assert!(matches!(carla.check("000000", Some(&sent.transaction)), Answer::Rejected(_)));
        assert_eq!(carla.fails(), [n, n, n]);
    }
    assert_eq!(carla.check(&code(0, 1), Some(&sent.transaction)), rejected(Reason::Locked));
    assert_eq!(carla.check(PIN, None), rejected(Reason::Locked));
}

#[test]
fn a_locked_token_is_left_out_and_stays_locked() {
    let carla = Carla::new();
    carla.world.store.change(&carla.serials[0], |token| token.fail_count = 10);
    let sent = carla.trigger();
    assert_eq!(sent.sms.len(), 1);
    assert_eq!((sent.sms[0].serial.clone(), sent.transaction.as_str().len()), (carla.serials[1].clone(), 17));
    assert_eq!(sent.message, policy().prompt);
    assert_eq!(carla.check(&format!("{PIN}{}", code(1, 1)), None), carla.accepted(1));
    assert_eq!(carla.fails(), [10, 0, 0]);
}

#[test]
fn what_fits_two_tokens_is_no_answer() {
    let carla = Carla::new();
    for serial in &carla.serials[..2] {
        let token = NewToken {
            serial: Some(serial.clone()),
            user: carla.subject.user().cloned(),
            secret: Some(secret(7)),
            ..NewToken::new(PhoneNumber::parse("+491709999000").unwrap(), Pin::new(PIN))
        };
        alone(carla.world.verifier.enrol(token)).unwrap();
    }
    carla.trigger();
    let both = format!("{PIN}{}", code(7, 2));
    assert_eq!(carla.check(&both, None), rejected(Reason::SeveralTokens));
    assert_eq!(carla.fails(), [1, 1, 1]);
}

#[test]
fn one_sms_that_cannot_go_out_does_not_hold_up_the_other() {
    let carla = Carla::new();
    carla.world.store.change(&carla.serials[0], |token| token.counter = u64::MAX);
    let sent = carla.trigger();
    assert_eq!(sent.sms.iter().map(|sms| sms.serial.clone()).collect::<Vec<_>>(), carla.serials[1..2]);
    assert_eq!(carla.fails(), [0, 0, 0]);
    assert_eq!(carla.check(&code(1, 1), Some(&sent.transaction)), carla.accepted(1));
}

#[test]
fn with_the_queue_away_no_try_stays_counted() {
    let carla = Carla::new();
    carla.world.broker.be(Mood::Away);
    assert_eq!(carla.check(PIN, None), rejected(Reason::QueueAway));
    assert_eq!(carla.fails(), [0, 0, 0]);
}

#[test]
fn a_status_is_told_to_who_knows_the_pin_and_of_those_tokens_only() {
    let carla = Carla::new();
    let sent = carla.trigger();
    let status = |pin: &str, id: &TransactionId| alone(carla.world.verifier.status(&carla.subject, pin, id));
    assert_eq!(status(PIN, &sent.transaction).unwrap().len(), 2);
    assert_eq!(status(PIN, &sent.sms[1].transaction).unwrap().len(), 1);
    assert_eq!(
        status("anders", &sent.transaction),
        Err(Reason::UnknownTransaction),
        "it is the PIN of the third token"
    );
    assert_eq!(carla.fails(), [0, 0, 0]);
    assert_eq!(status("falsch", &sent.transaction), Err(Reason::WrongPin));
    assert_eq!(carla.fails(), [1, 1, 1], "a guess is a guess here too");
    let unknown = TransactionId::from_request("12345678901234567");
    assert_eq!(status(PIN, &unknown), Err(Reason::UnknownTransaction));
    carla.world.later(301);
    let late = status(PIN, &sent.transaction).unwrap();
    assert!(late.iter().all(|trail| trail.asked.is_some()), "known after its expiry");
}

#[test]
fn an_unknown_transaction_is_nobodys_and_a_known_one_counts_its_tries() {
    let carla = Carla::new();
    let unknown = TransactionId::from_request("12345678901234567");
    let answered = alone(carla.world.verifier.check_transaction(&unknown, "123456"));
    assert_eq!((answered.answer, answered.token), (rejected(Reason::UnknownTransaction), None));
    let sent = carla.trigger();
    let wrong = alone(carla.world.verifier.check_transaction(&sent.transaction, "000000"));
    assert_eq!(
        (wrong.answer, wrong.token),
        (rejected(Reason::WrongOtp), Some((carla.serials[0].clone(), 1)))
    );
    let pin = alone(carla.world.verifier.check_transaction(&sent.transaction, PIN));
    assert!(matches!(pin.answer, Answer::Rejected(_)), "a PIN is no answer");
    assert_eq!(carla.world.jobs().len(), 2, "and triggers nothing");
}

fn with(policy: Policy) -> Carla {
    let carla = Carla::new();
    carla.world.verifier.set_policies(Policies {
        realms: [("home".to_owned(), std::sync::Arc::new(policy))].into(),
        ..carla.world.verifier.policies().as_ref().clone()
    });
    carla
}

#[test]
fn a_realm_may_ask_for_the_code_alone() {
    let carla = with(Policy { otppin: OtpPin::OnlyOtp, ..policy() });
    assert!(matches!(carla.check(PIN, None), Answer::Rejected(_)), "a PIN is none here");
    let Answer::Challenged(sent) = carla.check("", None) else { panic!("an empty pass triggers") };
    assert_eq!(sent.sms.len(), 3);
    assert_eq!(
        carla.check(&format!("x{}", code(1, 1)), None),
        rejected(Reason::WrongPin),
        "nothing stands before it"
    );
    assert_eq!(carla.check(&code(2, 1), None), carla.accepted(2));
    // Alice's realm has the default rules.
    assert!(matches!(carla.world.check(&carla.world.alice, ""), Answer::Rejected(_)));
}

#[test]
fn a_realm_may_have_the_pin_behind_the_code() {
    let carla = with(Policy { prepend_pin: false, ..policy() });
    carla.trigger();
    assert!(matches!(carla.check(&format!("{PIN}{}", code(0, 1)), None), Answer::Rejected(_)));
    assert_eq!(carla.check(&format!("{}{PIN}", code(0, 1)), None), carla.accepted(0));
}

#[test]
fn a_realm_has_times_and_texts_of_its_own() {
    let text = mtan_verifier::Template::new("Realm: <otp>").unwrap();
    let short =
        Policy { validity: Duration::from_secs(20), blocking: Duration::ZERO, sms_text: text, ..policy() };
    let carla = with(short);
    carla.trigger();
    carla.trigger();
    let jobs = carla.world.jobs();
    assert_eq!(jobs.len(), 4, "nothing is blocked");
    assert_eq!(jobs[3].text.expose(), format!("Realm: {}", code(1, 2)));
    carla.world.later(20);
    assert!(matches!(carla.check(&format!("{PIN}{}", code(0, 2)), None), Answer::Rejected(_)));
    let alice = carla.world.trigger(&carla.world.alice);
    carla.world.later(20);
    assert!(matches!(
        carla.world.answer(&carla.world.alice, &carla.world.alice.code(1), &alice.transaction),
        Answer::Accepted(_)
    ));
}
