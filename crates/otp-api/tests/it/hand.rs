//! What the test moves by hand: the clock, the queue, and a store that can go away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Clock, JobId, PublishError, Publisher, SendJob, SendReport};
use mtan_verifier::{
    Administration, Applied, Asked, AuditEntry, AuditLog, AuditRecord, Challenge, Changed, Ledger,
    LedgerEntry, Opened, Outbox, OutboxEntry, SealedChange, SealedSettings, Serial, SettingsStore, Settled,
    Store, StoreError, Subject, Token, TokenChange, TokenStore, Trail, TrailOf, TransactionId, Tried,
    UserRef,
};

/// Stands still until it is turned.
pub(crate) struct HandClock(Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn new() -> HandClock {
        HandClock(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()))
    }

    pub(crate) fn turn(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.saturating_add(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How somebody behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Says at once that it is away.
    Away,
    /// Never answers.
    Silent,
    /// Panics.
    Broken,
}

/// A mood that the test changes.
pub(crate) struct Moody(Mutex<Mood>);

impl Moody {
    pub(crate) fn well() -> Moody {
        Moody(Mutex::new(Mood::Well))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.0.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.0.lock().unwrap()
    }

    /// Returns if well; says whether to fail.
    async fn pass(&self) -> Result<(), ()> {
        match self.mood() {
            Mood::Well => Ok(()),
            Mood::Away => Err(()),
            Mood::Silent => std::future::pending().await,
            Mood::Broken => panic!("broken on purpose"),
        }
    }
}

/// A queue that records.
pub(crate) struct Recorder {
    pub(crate) jobs: Mutex<Vec<SendJob>>,
    pub(crate) mood: Moody,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { jobs: Mutex::default(), mood: Moody::well() }
    }

    pub(crate) fn count(&self) -> usize {
        self.jobs.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> SendJob {
        self.jobs.lock().unwrap().last().expect("a job was published").clone()
    }
}

#[async_trait]
impl Publisher for Recorder {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        self.mood.pass().await.map_err(|()| PublishError::Unavailable("the test says so".into()))?;
        self.jobs.lock().unwrap().push(job.clone());
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        match self.mood.mood() {
            Mood::Away => Err("the test says so".into()),
            _ => Ok(()),
        }
    }
}

/// A real store behind a door that the test closes.
pub(crate) struct Door {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mood: Moody,
}

impl Door {
    async fn pass(&self) -> Result<&dyn Store, StoreError> {
        self.mood.pass().await.map_err(|()| StoreError("the test says so".into()))?;
        Ok(self.store.as_ref())
    }
}

#[async_trait]
impl TokenStore for Door {
    async fn begin_try(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, StoreError> {
        self.pass().await?.begin_try(subject, now).await
    }

    async fn forgive(&self, serial: &Serial) -> Result<(), StoreError> {
        self.pass().await?.forgive(serial).await
    }

    async fn open_challenge(
        &self,
        challenge: &Challenge,
        counter: u64,
        job: &OutboxEntry,
        relay_at: Timestamp,
        asked: &Asked,
    ) -> Result<Opened, StoreError> {
        self.pass().await?.open_challenge(challenge, counter, job, relay_at, asked).await
    }

    async fn consume(
        &self,
        serial: &Serial,
        transaction: &TransactionId,
        others: &[Serial],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.pass().await?.consume(serial, transaction, others, now).await
    }

    async fn put_token(&self, token: &Token) -> Result<bool, StoreError> {
        self.pass().await?.put_token(token).await
    }

    async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        self.pass().await?.token(serial).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.pass().await?.ping().await
    }
}

#[async_trait]
impl Outbox for Door {
    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.pass().await?.lease(now, until, most).await
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), StoreError> {
        self.pass().await?.settle(settled).await
    }

    async fn depth(&self) -> Result<u64, StoreError> {
        self.pass().await?.depth().await
    }
}

#[async_trait]
impl Ledger for Door {
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError> {
        self.pass().await?.apply(report, keep_until).await
    }

    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError> {
        self.pass().await?.entry(job_id, now).await
    }

    async fn trails(&self, of: &TrailOf, now: Timestamp, most: usize) -> Result<Vec<Trail>, StoreError> {
        self.pass().await?.trails(of, now, most).await
    }
}

#[async_trait]
impl SettingsStore for Door {
    async fn settings(&self) -> Result<SealedSettings, StoreError> {
        self.pass().await?.settings().await
    }

    async fn settings_revision(&self) -> Result<u64, StoreError> {
        self.pass().await?.settings_revision().await
    }

    async fn change_settings(&self, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, StoreError> {
        self.pass().await?.change_settings(seen, changes).await
    }
}

#[async_trait]
impl Administration for Door {
    async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError> {
        self.pass().await?.tokens(after, most).await
    }

    async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError> {
        self.pass().await?.tokens_of(user).await
    }

    async fn change_token(
        &self,
        serial: &Serial,
        change: &TokenChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        self.pass().await?.change_token(serial, change, now).await
    }

    async fn remove_token(&self, serial: &Serial, now: Timestamp) -> Result<bool, StoreError> {
        self.pass().await?.remove_token(serial, now).await
    }
}

#[async_trait]
impl AuditLog for Door {
    async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError> {
        self.pass().await?.note(records, keep).await
    }

    async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.pass().await?.audited(before, most).await
    }
}
