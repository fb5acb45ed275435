//! Promises of silence: no code, PIN, secret, SMS text or number in anything that is written or kept.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use mtan_jobs::Clock as _;
use mtan_sms::PhoneNumber;
use mtan_verifier::{NewToken, OutboxEntry, Pin, SealedSecret, TransactionId};

use crate::broker::Mood;
use crate::scheduler::alone;
use crate::store::Trouble;
use crate::world::{PIN, World, policy};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every log line, down to TRACE, that `work` leads to.
fn logged(work: impl FnOnce()) -> String {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// All that nobody may read, in every spelling that a slip would give it.
fn secrets(world: &World) -> Vec<String> {
    let mut secrets =
        vec!["geheim".to_owned(), "falsch".to_owned(), "701234567".to_owned(), "Your code".to_owned()];
    secrets.extend((0..8).flat_map(|c| [world.alice.code(c), world.bob.code(c)]));
    for secret in [&world.alice.secret, &world.bob.secret] {
        secrets.extend([HEXLOWER.encode(secret), BASE32_NOPAD.encode(secret), BASE64.encode(secret)]);
        secrets.push(format!("{secret:?}").trim_matches(['[', ']']).to_owned());
    }
    secrets
}

fn holds_none_of(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{what} shows {secret:?}:\n{text}");
    }
}

/// Every way through the room, the failing ones too.
fn a_full_day(world: &World) -> String {
    let mut seen = String::new();
    let mut see = |what: &dyn std::fmt::Debug| writeln!(seen, "{what:?}").unwrap();
    let (alice, bob) = (&world.alice, &world.bob);
    see(&world.trigger(alice));
    see(&world.check(alice, PIN));
    see(&world.check(alice, "falsch287082"));
    see(&world.answer(alice, &alice.code(2), &TransactionId::from_request("falsch")));
    see(&world.store.challenge(&alice.serial));
    see(&world.check(alice, &alice.pass(&alice.code(1))));
    for mood in [Mood::Away, Mood::Dying, Mood::Full, Mood::Unroutable, Mood::SilentLost] {
        world.broker.be(mood);
        world.later(31);
        see(&world.smspin(bob, ""));
        see(&alone(world.verifier.relay()));
        see(&world.store.entries());
    }
    for step in 0..4 {
        world.broker.be(if step == 3 { Mood::Dying } else { Mood::Up });
        world.later(31);
        world.store.be_once_after(step, Trouble::Away);
        see(&world.smspin(alice, PIN));
        world.store.be(Trouble::None);
        world.store.be_once_after(step, Trouble::Silent);
        see(&world.check(alice, &alice.pass(&alice.code(world.token(alice).counter))));
        world.store.be(Trouble::None);
        see(&world.store.history());
    }
    world.later(31);
    world.broker.be(Mood::Up);
    see(&world.trigger(alice));
    world.store.be_once_after(1, Trouble::Away);
    see(&world.smspin(alice, PIN));
    world.store.be_once_after(1, Trouble::Silent);
    see(&world.check(alice, &alice.pass(&alice.code(world.token(alice).counter))));
    let expires_at = world.clock.now();
    let sealed = world.key.seal("outbox/x", br#"{"v":2,"text":"Your code: 287082"}"#);
    world.store.put_entry(OutboxEntry { job_id: "x".parse().unwrap(), sealed, expires_at }, expires_at);
    world.broker.be(Mood::Up);
    for _ in 0..40 {
        world.later(10);
        see(&alone(world.verifier.relay()));
    }
    see(&world.store.ledger_entry(&"x".parse().unwrap()));
    see(&world.broker.published());
    see(&world.token(alice));
    see(&alice.subject());
    see(&policy().digits);
    world.store.change(&alice.serial, |t| t.secret = SealedSecret::from_bytes(vec![0; 8]));
    see(&world.smspin(alice, PIN));
    let secret = mtan_hotp::Secret::new(alice.secret.clone()).unwrap();
    let phone = PhoneNumber::parse("+491701234567").unwrap();
    see(&NewToken { secret: Some(secret), ..NewToken::new(phone, Pin::new(PIN)) });
    see(&Pin::new(PIN));
    seen
}

#[test]
fn no_log_line_and_no_debug_output_shows_a_secret() {
    let world = World::new();
    let mut seen = String::new();
    let log = logged(|| seen = a_full_day(&world));
    for line in [
        "no SMS: the queue is away",
        "the store did not count a try",
        "the store did not open a challenge",
        "the store did not take back a try",
        "the store did not confirm the use of a code",
        "job not confirmed: left to the relay",
        "relayed job to the queue",
        "outbox entry stays",
        "outbox entry cannot be read",
        "token secret",
        "report",
    ] {
        assert!(log.contains(line), "the day has everything in it, also {line:?}:\n{log}");
    }
    holds_none_of("the log", &log, &secrets(&world));
    holds_none_of("Debug", &seen, &secrets(&world));
    assert!(seen.contains("+49…67"), "numbers are shown masked");
}

#[test]
fn nothing_that_is_kept_holds_a_secret_in_clear() {
    let world = World::new();
    world.trigger(&world.alice);
    world.trigger(&world.bob);
    let mut kept: Vec<(&str, Vec<u8>)> = Vec::new();
    for person in [&world.alice, &world.bob] {
        let token = world.token(person);
        kept.push(("secret", token.secret.as_bytes().to_vec()));
        kept.push(("PIN", token.pin.to_text().into_bytes()));
        let challenge = world.store.challenge(&person.serial).unwrap();
        kept.push(("code", challenge.otp.to_hex().into_bytes()));
    }
    kept.extend(world.store.entries().into_iter().map(|e| ("job", e.sealed)));
    assert_eq!(kept.len(), 8);
    let mut secrets: Vec<Vec<u8>> = secrets(&world).into_iter().map(String::into_bytes).collect();
    secrets.extend([world.alice.secret.clone(), world.bob.secret.clone()]);
    for (what, bytes) in &kept {
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "{what}");
        }
    }
}

#[test]
fn a_sealed_record_opens_in_its_own_place_only() {
    let world = World::new();
    let secret = world.token(&world.alice).secret;
    assert!(secret.open(&world.key, &world.alice.serial).is_ok());
    assert!(secret.open(&world.key, &world.bob.serial).is_err());
}
