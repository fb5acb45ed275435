//! Tokens, challenges, jobs and reports to try a store with; a clock and a publisher for a real verifier over it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_jobs::{Clock, JobId, Outcome, Pool, PublishError, Publisher, ReportCode, SendJob, SendReport};
use mtan_seal::{Digest, ServerKey};
use mtan_sms::PhoneNumber;
use mtan_verifier::{
    Asked, Challenge, NewToken, OutboxEntry, Pin, PinHash, Policy, SealedSecret, Serial, Settled, Store,
    Subject, SystemRandom, Template, Token, TransactionId, UserRef, Verifier,
};

/// Some time in the past: a store that asked its own clock would be found out.
pub(crate) const START_SECONDS: i64 = 1_700_000_000;

/// `millis` after the start.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(START_SECONDS * 1000 + millis).unwrap()
}

pub(crate) fn serial(text: &str) -> Serial {
    text.parse().unwrap()
}

pub(crate) fn transaction(text: &str) -> TransactionId {
    text.parse().unwrap()
}

pub(crate) fn job_id(text: &str) -> JobId {
    text.parse().unwrap()
}

pub(crate) fn user(name: &str, realm: &str) -> UserRef {
    UserRef::new(name, realm).unwrap()
}

pub(crate) fn of_user(name: &str) -> Subject {
    Subject::User(user(name, "home"))
}

pub(crate) fn of_serial(text: &str) -> Subject {
    Subject::Serial(serial(text))
}

pub(crate) fn of_transaction(text: &str) -> Subject {
    Subject::Transaction(transaction(text))
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::from_hex(&format!("{:0>64}", text.len())).unwrap()
}

/// An active token of `owner@home` with ten tries.
pub(crate) fn token(name: &str, owner: &str) -> Token {
    Token {
        serial: serial(name),
        user: Some(user(owner, "home")),
        phone: PhoneNumber::parse("+491701234567").unwrap(),
        description: "her phone".to_owned(),
        algorithm: Algorithm::Sha1,
        digits: Digits::default(),
        pin: PinHash::Keyed(digest("pin")),
        secret: SealedSecret::from_bytes((0..=255).collect()),
        max_fail: 10,
        counter: 0,
        fail_count: 0,
        active: true,
        created_at: at(0),
    }
}

/// A challenge of five minutes, opened at `created`.
pub(crate) fn challenge(name: &str, id: &str, created: Timestamp) -> Challenge {
    Challenge {
        transaction: transaction(id),
        serial: serial(name),
        otp: digest(id),
        job_id: job_id(&format!("job-{id}")),
        created_at: created,
        expires_at: created + SignedDuration::from_secs(300),
    }
}

pub(crate) fn entry(id: &str, expires_at: Timestamp) -> OutboxEntry {
    OutboxEntry { job_id: job_id(id), sealed: (0..=255).rev().collect(), expires_at }
}

/// How a challenge was asked for: by Alice, known for an hour after its expiry.
pub(crate) fn asked_of(challenge: &Challenge) -> Asked {
    Asked {
        transaction: challenge.transaction.clone(),
        serial: challenge.serial.clone(),
        user: Some(user("alice", "home")),
        to: "+49…67".to_owned(),
        route: vec![Pool::default_pool(), "backup".parse().unwrap()],
        at: challenge.created_at,
        expires_at: challenge.expires_at,
        keep_until: challenge.expires_at + SignedDuration::from_hours(1),
    }
}

pub(crate) fn settled(job_id: &JobId, confirmed_at: Option<Timestamp>) -> Settled {
    Settled { job_id: job_id.clone(), confirmed_at }
}

/// The outbox entry that goes with a challenge.
pub(crate) fn entry_of(challenge: &Challenge) -> OutboxEntry {
    entry(challenge.job_id.as_str(), challenge.expires_at)
}

pub(crate) fn report(id: &str, outcome: Outcome, detail: &str) -> SendReport {
    SendReport {
        job_id: job_id(id),
        reference: Some("4711".parse().unwrap()),
        pool: Pool::default_pool(),
        provider: "http".to_owned(),
        outcome,
        code: ReportCode::GatewayAccepted,
        detail: Some(detail.to_owned()),
        gateway_id: None,
        attempts: 1,
        segments: 1,
        at: at(0),
    }
}

/// Runs `task` `times` times at once and collects what they say.
pub(crate) async fn together<T, F>(times: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..times).map(|n| tokio::spawn(task(n))).collect();
    let mut said = Vec::with_capacity(times);
    for task in tasks {
        said.push(task.await.unwrap());
    }
    said
}

/// A clock that stands until it is moved, also backwards.
pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }
}

/// Keeps the jobs that it was given; seam 1 is where this room ends.
#[derive(Default)]
pub(crate) struct KeepingPublisher(Mutex<Vec<SendJob>>);

impl KeepingPublisher {
    pub(crate) fn jobs(&self) -> Vec<SendJob> {
        self.0.lock().unwrap().clone()
    }

    /// The code in the last SMS.
    pub(crate) fn last_code(&self) -> String {
        self.jobs().last().expect("an SMS was sent").otp.clone().unwrap()
    }
}

#[async_trait]
impl Publisher for KeepingPublisher {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        self.0.lock().unwrap().push(job.clone());
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A real verifier over a store, and what it is connected to.
pub(crate) struct Desk {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) publisher: Arc<KeepingPublisher>,
}

pub(crate) const PIN: &str = "geheime-PIN";
/// 20 bytes that are easy to find again.
pub(crate) const SEED: &[u8; 20] = b"seed-of-twenty-bytes";
pub(crate) const WORDS: &str = "Der Zugangscode lautet";

/// A desk with one token, Alice's.
pub(crate) async fn desk(store: &Arc<dyn Store>, max_fail_count: u32) -> Desk {
    let clock = Arc::new(StandingClock(AtomicI64::new(0)));
    let publisher = Arc::new(KeepingPublisher::default());
    let policy = Policy {
        max_fail_count,
        blocking: Duration::from_secs(30),
        // Eight digits do not occur by chance in what a store writes.
        digits: Digits::new(8).unwrap(),
        sms_text: Template::new(&format!("{WORDS} <otp>")).unwrap(),
        ..Policy::default()
    };
    let verifier = Verifier::new(
        store.clone(),
        publisher.clone(),
        clock.clone(),
        Arc::new(SystemRandom),
        ServerKey::generate(),
        policy,
    );
    let phone = PhoneNumber::parse("+491701234567").unwrap();
    let new = NewToken {
        serial: Some(serial("LSSM0001")),
        user: Some(user("alice", "home")),
        secret: Some(Secret::new(SEED.to_vec()).unwrap()),
        ..NewToken::new(phone, Pin::new(PIN))
    };
    verifier.enrol(new).await.unwrap();
    Desk { verifier: Arc::new(verifier), clock, publisher }
}

/// The first secret of a [`Desk`] that shows in `bytes`, in clear or in base64.
pub(crate) fn secret_in(bytes: &[u8], code: &str) -> Option<String> {
    let secrets = [PIN.as_bytes(), SEED, WORDS.as_bytes(), code.as_bytes()];
    let shows = |bytes: &[u8]| {
        let found = secrets.iter().find(|s| bytes.windows(s.len()).any(|window| window == **s));
        found.map(|s| String::from_utf8_lossy(s).into_owned())
    };
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/".contains(b);
    let decoded = bytes.split(|b| !is_base64(b)).map(|run| {
        let whole = &run[..run.len() / 4 * 4 + if run.len() % 4 > 1 { run.len() % 4 } else { 0 }];
        let mut lenient = data_encoding::BASE64_NOPAD.specification();
        lenient.check_trailing_bits = false;
        lenient.encoding().unwrap().decode(whole).unwrap()
    });
    shows(bytes).or_else(|| decoded.into_iter().find_map(|run| shows(&run)))
}

#[test]
fn a_secret_is_found_in_clear_and_in_base64() {
    let code = "12345678";
    for secret in [PIN, WORDS, code] {
        let text = format!("{{\"text\":\"xy{secret}z\"}}");
        let encoded = data_encoding::BASE64.encode(format!("y{secret}").as_bytes());
        for shown in [text, format!("\"sealed\":\"{encoded}\"")] {
            assert_eq!(secret_in(shown.as_bytes(), code).as_deref(), Some(secret), "{shown}");
        }
    }
    assert_eq!(secret_in(b"\"sealed\":\"AQIDBAUGBwg=\",1234567", code), None);
}
