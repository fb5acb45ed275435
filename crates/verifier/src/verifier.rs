//! The desk: everything that the rules work with.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_jobs::{Clock, Publisher};
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;

use crate::slow_lane::{Busy, SlowLane};
use crate::token::SealedSecret;
use crate::{
    Admission, MOST_TOKENS, NewToken, Pin, PinHash, PinScheme, Policies, Policy, Random, Serial, Settled,
    SlowHash, Store, StoreError, Token, Tried, pin,
};

/// Triggers and checks. One for the whole process, shared by all requests.
pub struct Verifier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) key: ServerKey,
    policies: RwLock<Arc<Policies>>,
    /// Jobs that the broker has confirmed, or whose time is over, and the outbox does not know of yet; the relay tells
    /// it, many at a time. Short by itself: without a store nothing is opened, so nothing is confirmed.
    pub(crate) settled: Mutex<Vec<Settled>>,
    /// Stands in for a token where there is none, so that time does not tell.
    pub(crate) nobody: Tried,
    pub(crate) slow_lane: SlowLane,
}

/// Why a token was not enrolled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The owner has as many tokens as a user may have.
    #[error("the user has {MOST_TOKENS} SMS tokens already")]
    TooManyTokens,
    /// So many PINs are being hashed that this one has no place.
    #[error("too many PINs are being hashed: try again")]
    Busy,
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Verifier {
    /// A verifier over a store and a queue.
    pub fn new(
        store: Arc<dyn Store>,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        key: ServerKey,
        policies: impl Into<Policies>,
    ) -> Verifier {
        let policies: Policies = policies.into();
        let nobody = nobody(&key, random.as_ref(), policies.default.pin_scheme);
        let policies = RwLock::new(Arc::new(policies));
        let (settled, slow_lane) = (Mutex::default(), SlowLane::default());
        Verifier { store, publisher, clock, random, key, policies, settled, nobody, slow_lane }
    }

    /// The rules as they are now.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other rules, from the next request on. How PINs of nobody are compared stays as it was at the start.
    pub fn set_policies(&self, policies: Policies) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    pub(crate) fn policy_of(&self, token: &Token) -> Arc<Policy> {
        self.policies().of(token.user.as_ref())
    }

    /// Makes a token, or changes the one of that serial: its owner, phone, PIN and secret; a lock ends.
    pub async fn enrol(&self, new: NewToken) -> Result<Serial, EnrolError> {
        let random = self.random.as_ref();
        let policy = self.policies().of(new.user.as_ref());
        let serial = match new.serial {
            Some(serial) => serial,
            None => self.unused_serial().await?,
        };
        let secret = new.secret.unwrap_or_else(|| random_secret(random, new.algorithm));
        let token = Token {
            pin: self.hashed(&new.pin, &serial, policy.pin_scheme).await?,
            secret: SealedSecret::seal(&self.key, &serial, &secret),
            serial: serial.clone(),
            user: new.user,
            phone: new.phone,
            description: new.description,
            algorithm: new.algorithm,
            digits: new.digits.unwrap_or(policy.digits),
            max_fail: policy.max_fail_count,
            counter: 0,
            fail_count: 0,
            active: new.active,
            created_at: self.clock.now(),
        };
        if self.store.put_token(&token).await? { Ok(serial) } else { Err(EnrolError::TooManyTokens) }
    }

    pub(crate) async fn hashed(
        &self,
        pin: &Pin,
        serial: &Serial,
        scheme: PinScheme,
    ) -> Result<PinHash, EnrolError> {
        let digest = pin.digest(&self.key, serial);
        match scheme {
            PinScheme::Keyed => Ok(PinHash::Keyed(digest)),
            PinScheme::Argon2id => {
                let random = Arc::clone(&self.random);
                let hash = self.slow_lane.run(move || SlowHash::new(&digest, random.as_ref())).await;
                hash.map(PinHash::Argon2id).map_err(|Busy| EnrolError::Busy)
            }
        }
    }

    /// Among 100,000 tokens two would share eight random hexadecimal digits, and a serial that is there means a change.
    async fn unused_serial(&self) -> Result<Serial, StoreError> {
        loop {
            let serial = Serial::new(self.random.as_ref());
            if self.store.token(&serial).await?.is_none() {
                return Ok(serial);
            }
        }
    }

    /// A token by name.
    pub async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        self.store.token(serial).await
    }

    /// Whether codes may be triggered and checked now; the text says what is missing.
    pub async fn ready(&self) -> Result<(), String> {
        self.store.ping().await.map_err(|e| e.to_string())?;
        self.publisher.ready()
    }
}

fn random_secret(random: &dyn Random, algorithm: Algorithm) -> Secret {
    let mut bytes = vec![0; algorithm.secret_length()];
    random.fill(&mut bytes);
    Secret::new(bytes).expect("RFC 4226 R6: every algorithm's length is at least 128 bits")
}

pub(crate) fn nobody(key: &ServerKey, random: &dyn Random, scheme: PinScheme) -> Tried {
    let serial = Serial::new(random);
    let digest = pin::digest(key, &serial, "\0nobody's");
    let token = Token {
        pin: match scheme {
            PinScheme::Keyed => PinHash::Keyed(digest),
            PinScheme::Argon2id => PinHash::Argon2id(SlowHash::new(&digest, random)),
        },
        secret: SealedSecret::from_bytes(Vec::new()),
        user: None,
        phone: PhoneNumber::parse("+10000000").expect("an E.164 number"),
        description: String::new(),
        algorithm: Algorithm::Sha1,
        digits: Digits::default(),
        max_fail: 1,
        counter: 0,
        fail_count: 1,
        active: false,
        created_at: Timestamp::UNIX_EPOCH,
        serial,
    };
    Tried { token, challenge: None, admission: Admission::Locked }
}

impl NewToken {
    /// A token for `phone` with `pin`; everything else by default.
    pub fn new(phone: PhoneNumber, pin: Pin) -> NewToken {
        NewToken {
            serial: None,
            user: None,
            phone,
            pin,
            secret: None,
            algorithm: Algorithm::Sha1,
            digits: None,
            description: String::new(),
            active: true,
        }
    }
}
