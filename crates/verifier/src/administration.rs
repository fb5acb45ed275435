//! What administrators do with tokens that are there: list, change, remove, and find a token's counter again.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_hotp::{Algorithm, Digits};
use mtan_seal::Digest;
use mtan_sms::PhoneNumber;

use crate::{EnrolError, Pin, PinHash, Serial, StoreError, Token, UserRef, Verifier};

/// LinOTP's `SyncWindow`: counters that [`Verifier::resync`] looks at.
const SYNC_WINDOW: u64 = 1000;

/// A change of a token; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct TokenChange {
    /// Its owner; `Some(None)` takes it away.
    pub owner: Option<Option<UserRef>>,
    /// Where its codes go.
    pub phone: Option<PhoneNumber>,
    /// Its PIN.
    pub pin: Option<PinHash>,
    /// The operator's own words.
    pub description: Option<String>,
    /// How its codes are made.
    pub algorithm: Option<Algorithm>,
    /// How long its codes are.
    pub digits: Option<Digits>,
    /// Tries without success that lock it.
    pub max_fail: Option<u32>,
    /// Whether it may be used at all.
    pub active: Option<bool>,
    /// Whether its tries without success are forgotten.
    pub reset: bool,
    /// Its counter: as it must be now, and as it becomes.
    pub counter: Option<(u64, u64)>,
}

impl TokenChange {
    /// Whether the open challenge ends with it, and a trigger under way is overtaken: the code would go to the wrong
    /// person or place, or be let in by what does not hold any more.
    pub fn ends_challenge(&self) -> bool {
        self.owner.is_some()
            || self.phone.is_some()
            || self.pin.is_some()
            || self.algorithm.is_some()
            || self.digits.is_some()
            || self.active == Some(false)
            || self.counter.is_some()
    }

    /// Makes the change, but for what comes with the end of a challenge.
    pub fn apply(&self, token: &mut Token) {
        fn set<T: Clone>(place: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        set(&mut token.user, self.owner.as_ref());
        set(&mut token.phone, self.phone.as_ref());
        set(&mut token.pin, self.pin.as_ref());
        set(&mut token.description, self.description.as_ref());
        set(&mut token.algorithm, self.algorithm.as_ref());
        set(&mut token.digits, self.digits.as_ref());
        set(&mut token.max_fail, self.max_fail.as_ref());
        set(&mut token.active, self.active.as_ref());
        if self.reset {
            token.fail_count = 0;
        }
        match self.counter {
            Some((_, becomes)) => token.counter = becomes,
            None if self.ends_challenge() => token.counter = token.counter.saturating_add(1),
            None => {}
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Done,
    /// There is no such token.
    Unknown,
    /// The new owner has [`crate::MOST_TOKENS`] others already; nothing was changed.
    TooManyTokens,
    /// Its counter is not the expected one any more; nothing was changed.
    Overtaken,
}

/// Tokens as administrators see them. Every method is one atomic step.
#[async_trait]
pub trait Administration: Send + Sync + 'static {
    /// Up to `most` tokens whose serials come after `after`, in the order of their serials (by bytes).
    async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError>;

    /// The tokens of `user`, in the order of their serials.
    async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError>;

    /// Makes the change. If it [ends the challenge](TokenChange::ends_challenge), the open one dies, its job leaves the outbox
    /// if it still lies there, and the counter moves by one unless the change names it.
    async fn change_token(
        &self,
        serial: &Serial,
        change: &TokenChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError>;

    /// Removes the token with its open challenge, whose job leaves the outbox if it still lies there. `false`: there is none.
    async fn remove_token(&self, serial: &Serial, now: Timestamp) -> Result<bool, StoreError>;
}

/// What a resync found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resynced {
    /// Both codes, one after the other; the counter moved behind them.
    Yes,
    /// Not both, or not one after the other.
    No,
    /// There is no such token.
    Unknown,
}

impl Verifier {
    /// A keyed digest that every process with this server key makes alike: for keys of other purposes.
    pub fn derived(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        self.key.digest(purpose, parts)
    }

    /// [`Administration::tokens`] of the store.
    pub async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError> {
        self.store.tokens(after, most).await
    }

    /// [`Administration::tokens_of`] of the store.
    pub async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError> {
        self.store.tokens_of(user).await
    }

    /// [`Administration::change_token`] of the store, now.
    pub async fn change_token(&self, serial: &Serial, change: &TokenChange) -> Result<Changed, StoreError> {
        self.store.change_token(serial, change, self.clock.now()).await
    }

    /// [`Administration::remove_token`] of the store, now.
    pub async fn remove_token(&self, serial: &Serial) -> Result<bool, StoreError> {
        self.store.remove_token(serial, self.clock.now()).await
    }

    /// What a token keeps of `pin`, by the rules of its owner's realm.
    pub async fn pin_hash(
        &self,
        serial: &Serial,
        owner: Option<&UserRef>,
        pin: &Pin,
    ) -> Result<PinHash, EnrolError> {
        let scheme = self.policies().of(owner).pin_scheme;
        self.hashed(pin, serial, scheme).await
    }

    /// Finds two codes that follow each other among the next thousand, and moves the counter behind them.
    pub async fn resync(&self, serial: &Serial, first: &str, second: &str) -> Result<Resynced, StoreError> {
        let Some(token) = self.store.token(serial).await? else { return Ok(Resynced::Unknown) };
        let Some(behind) = self.behind(&token, first, second) else { return Ok(Resynced::No) };
        let change = TokenChange { counter: Some((token.counter, behind)), ..TokenChange::default() };
        Ok(match self.change_token(serial, &change).await? {
            Changed::Done => Resynced::Yes,
            Changed::Unknown => Resynced::Unknown,
            Changed::Overtaken | Changed::TooManyTokens => Resynced::No,
        })
    }

    fn behind(&self, token: &Token, first: &str, second: &str) -> Option<u64> {
        let opened = token.secret.open(&self.key, &token.serial);
        let secret = opened
            .inspect_err(|e| tracing::error!(serial = %token.serial, error = %e, "token secret"))
            .ok()?;
        let is = |counter: u64, code: &str| {
            mtan_hotp::generate(&secret, counter, token.algorithm, token.digits).expose() == code
        };
        let last = token.counter.saturating_add(SYNC_WINDOW);
        let found = (token.counter..last).find(|at| is(*at, first) && is(at + 1, second));
        found.and_then(|at| at.checked_add(2))
    }
}
