//! Seam 2: what the rules need of a store. Every method is one atomic step: it happens wholly or not at all, and
//! two of them never interleave.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::JobId;

use crate::{
    Administration, Asked, AuditLog, Challenge, Ledger, Serial, SettingsStore, Settled, Token, TransactionId,
    UserRef,
};

/// The store is away, did not answer in time, or holds something that cannot be read. A timed-out step may have
/// happened: whoever gets this answers no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store: {0}")]
pub struct StoreError(pub String);

/// Tokens that one user may have: each of them costs time with every try of that user.
pub const MOST_TOKENS: usize = 16;

/// Whose tokens are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All tokens of a user.
    User(UserRef),
    /// One token by name.
    Serial(Serial),
    /// The token for which this challenge was opened; of a root, the tokens of all its challenges.
    Transaction(TransactionId),
}

impl Subject {
    /// The user, if it is one.
    pub fn user(&self) -> Option<&UserRef> {
        match self {
            Subject::User(user) => Some(user),
            Subject::Serial(_) | Subject::Transaction(_) => None,
        }
    }
}

/// Whether a try may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was counted and may be compared.
    Counted,
    /// Tries are used up: it was not counted and must not be compared.
    Locked,
    /// The token is switched off.
    Inactive,
}

/// A token with one try counted on it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The token as it is after counting.
    pub token: Token,
    /// Its open challenge: the one opened last, not answered. It may have expired: the rules look at the time themselves.
    pub challenge: Option<Challenge>,
    /// Whether the try may be compared.
    pub admission: Admission,
}

/// What became of opening a challenge.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It is open, and its job lies in the outbox.
    Opened,
    /// Another trigger was faster: the token's counter is not the expected one any more. Nothing was changed but that
    /// the try was forgiven; this is what is open now. It may have expired.
    Overtaken(Option<Challenge>),
}

/// Tokens and their challenges.
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    /// Counts a try on every token of `subject` that is active and not locked, notes it on the trail of its open challenge, and returns them as they are then,
    /// in the order of their serials. Empty if there is none. The counting comes before any comparison: `fail_count` never passes `max_fail`.
    /// Takes the same way and time whether it counts or not: nobody can tell a user who does not exist, or is locked.
    async fn begin_try(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, StoreError>;

    /// Takes back one counted try: it was a right PIN without a code, which neither raises nor resets the count.
    async fn forgive(&self, serial: &Serial) -> Result<(), StoreError>;

    /// Opens `challenge` if the token's counter is still `counter - 1`, is active, and then: counter becomes
    /// `counter`, an older challenge dies, one try is forgiven, and `job` lies in the outbox; due for the relay at `relay_at`.
    /// Its trail begins with `asked`.
    async fn open_challenge(
        &self,
        challenge: &Challenge,
        counter: u64,
        job: &OutboxEntry,
        relay_at: Timestamp,
        asked: &Asked,
    ) -> Result<Opened, StoreError>;

    /// Uses up the challenge: `true` for exactly one caller, if it is the token's open one, unexpired at `now`, and the
    /// token is active. Then the challenge is gone and the fail counter 0. So are the fail counters of `others`, tokens of the
    /// same user, and every open challenge of the same root, whoever was asked for.
    async fn consume(
        &self,
        serial: &Serial,
        transaction: &TransactionId,
        others: &[Serial],
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Keeps a new token, or all but counter and creation time of one that is there. Then its open challenge dies, its fail
    /// counter is 0, and its counter moves by one, so that a trigger under way with the old number and secret is overtaken.
    /// `false`: the owner has [`MOST_TOKENS`] others already, nothing was changed.
    async fn put_token(&self, token: &Token) -> Result<bool, StoreError>;

    /// A token by name.
    async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError>;

    /// Whether the store answers now.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A sealed send job that was promised and perhaps not yet confirmed by the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The job; also its dedupe key at the broker.
    pub job_id: JobId,
    /// The job's JSON under the server key, bound to its id.
    pub sealed: Vec<u8>,
    /// When it is not worth sending any more.
    pub expires_at: Timestamp,
}

/// Jobs between the promise and the broker's confirm.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Takes up to `most` entries that are due at `now`; they are due again at `until`, unless settled before.
    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Forgets entries: the broker has confirmed them, which their trails then show, or their time is over.
    async fn settle(&self, settled: &[Settled]) -> Result<(), StoreError>;

    /// How many entries wait.
    async fn depth(&self) -> Result<u64, StoreError>;
}

/// All that the verifier needs of a store.
pub trait Store: TokenStore + Outbox + Ledger + SettingsStore + Administration + AuditLog {}

impl<T: TokenStore + Outbox + Ledger + SettingsStore + Administration + AuditLog> Store for T {}
