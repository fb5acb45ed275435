//! Tokens and challenges in Redis.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use mtan_verifier::{
    Admission, Asked, Challenge, MOST_TOKENS, Opened, OutboxEntry, Serial, StoreError, Subject, Token,
    TokenStore, TransactionId, Tried,
};

use super::{Certain, RedisStore, keys};
use crate::record::{
    self, AskedRecord, ChallengeRecord, EntryRecord, GRACE, OUTBOX_GRACE, TokenRecord, TokenState, micros,
};

/// Admission, record, created, counter, fails, active, open transaction, its record.
type RawTried = (String, Vec<u8>, String, u64, u32, u8, Option<String>, Option<Vec<u8>>);
/// Record, created, counter, fails, active.
type RawToken = (Option<Vec<u8>>, Option<String>, Option<u64>, Option<u32>, Option<u8>);

#[async_trait]
impl TokenStore for RedisStore {
    async fn begin_try(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, StoreError> {
        let mut step = self.shared.scripts.begin_try.prepare_invoke();
        match subject {
            Subject::Serial(serial) => step.key(keys::token(serial)).arg("token").arg(serial.as_str()),
            Subject::User(user) => step.key(keys::owner(user)).arg("owner").arg(""),
            Subject::Transaction(id) => step.key(keys::challenge(id)).arg("challenge").arg(""),
        };
        let transaction = match subject {
            Subject::Transaction(id) => Some(id),
            Subject::Serial(_) | Subject::User(_) => None,
        };
        step.arg(micros(now)).arg(super::root_of(transaction)).arg(MOST_TOKENS);
        let raw: Vec<RawTried> = self.step(&step, Certain::OnReplicas).await?;
        raw.into_iter().map(tried).collect()
    }

    async fn forgive(&self, serial: &Serial) -> Result<(), StoreError> {
        let mut step = self.shared.scripts.forgive.prepare_invoke();
        step.key(keys::token(serial)).arg(serial.as_str());
        self.step(&step, Certain::Here).await
    }

    async fn open_challenge(
        &self,
        challenge: &Challenge,
        counter: u64,
        job: &OutboxEntry,
        relay_at: Timestamp,
        asked: &Asked,
    ) -> Result<Opened, StoreError> {
        let opened_at = challenge.created_at;
        let mut step = self.shared.scripts.open_challenge.prepare_invoke();
        step.key(keys::token(&challenge.serial))
            .key(keys::challenge(&challenge.transaction))
            .key(keys::OUTBOX)
            .key(keys::job(&job.job_id))
            .key(keys::report(&job.job_id))
            .key(keys::transaction(&challenge.transaction))
            .arg(challenge.serial.as_str())
            .arg(counter.checked_sub(1).map(|expected| expected.to_string()).unwrap_or_default())
            .arg(counter)
            .arg(challenge.transaction.as_str())
            .arg(record::write(&ChallengeRecord::of(challenge)))
            .arg(micros(opened_at))
            .arg(micros(challenge.expires_at))
            .arg(millis_to_keep(opened_at, challenge.expires_at, GRACE))
            .arg(job.job_id.as_str())
            .arg(record::write(&EntryRecord::of(job)))
            .arg(micros(job.expires_at))
            .arg(millis_to_keep(opened_at, job.expires_at, OUTBOX_GRACE))
            .arg(micros(relay_at))
            .arg(record::write(&AskedRecord::of(asked)))
            .arg(micros(asked.keep_until))
            .arg(millis_to_keep(opened_at, asked.keep_until, GRACE));
        let raw: (u8, Option<String>, Option<Vec<u8>>) = self.step(&step, Certain::Here).await?;
        match raw {
            (1, ..) => Ok(Opened::Opened),
            (_, open, body) => Ok(Opened::Overtaken(open_challenge(open.as_deref(), body)?)),
        }
    }

    async fn consume(
        &self,
        serial: &Serial,
        transaction: &TransactionId,
        others: &[Serial],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut step = self.shared.scripts.consume.prepare_invoke();
        step.key(keys::token(serial))
            .key(keys::challenge(transaction))
            .arg(serial.as_str())
            .arg(transaction.as_str())
            .arg(micros(now))
            .arg(super::root_above(transaction))
            .arg(MOST_TOKENS);
        for other in others {
            step.key(keys::token(other));
        }
        self.step(&step, Certain::OnReplicas).await
    }

    async fn put_token(&self, token: &Token) -> Result<bool, StoreError> {
        let mut step = self.shared.scripts.put_token.prepare_invoke();
        step.key(keys::token(&token.serial));
        if let Some(user) = &token.user {
            step.key(keys::owner(user));
        }
        step.arg(token.serial.as_str())
            .arg(record::write(&TokenRecord::of(token)))
            .arg(token.created_at.to_string())
            .arg(token.max_fail)
            .arg(u8::from(token.active))
            .arg(token.counter)
            .arg(token.fail_count)
            .arg(micros(token.created_at))
            .arg(MOST_TOKENS);
        self.step(&step, Certain::Here).await
    }

    async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        let mut look = cmd("HMGET");
        look.arg(keys::token(serial)).arg(&["record", "created", "counter", "fails", "active"]);
        let raw: RawToken = self.look(&look).await?;
        match raw {
            (Some(body), Some(created), Some(counter), Some(fails), Some(active)) => {
                token(serial.as_str(), &body, created, &TokenState::new(counter, fails, active == 1))
                    .map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.probe().await
    }
}

fn tried(raw: RawTried) -> Result<Tried, StoreError> {
    let (admission, body, created, counter, fails, active, open, challenge) = raw;
    let admission = match admission.as_str() {
        "counted" => Admission::Counted,
        "inactive" => Admission::Inactive,
        _ => Admission::Locked,
    };
    Ok(Tried {
        token: token("", &body, created, &TokenState::new(counter, fails, active == 1))?,
        challenge: open_challenge(open.as_deref(), challenge)?,
        admission,
    })
}

pub(super) fn token(
    serial: &str,
    body: &[u8],
    created: String,
    state: &TokenState,
) -> Result<Token, StoreError> {
    let record: TokenRecord = record::read(&format!("token {serial}"), body)?;
    record.created_at(created).token(state)
}

fn open_challenge(transaction: Option<&str>, body: Option<Vec<u8>>) -> Result<Option<Challenge>, StoreError> {
    let (Some(transaction), Some(body)) = (transaction, body) else { return Ok(None) };
    let record: ChallengeRecord = record::read(&format!("challenge {transaction}"), &body)?;
    record.challenge(transaction).map(Some)
}

/// How long Redis keeps what was made at `from` and counts until `until`. Only garbage collection: what counts is the
/// expiry in the record, judged by the caller's clock. So it is a duration, whatever Redis' clock shows.
pub(super) fn millis_to_keep(from: Timestamp, until: Timestamp, grace: SignedDuration) -> i64 {
    let kept = until.duration_since(from).max(SignedDuration::ZERO).saturating_add(grace);
    i64::try_from(kept.as_millis()).unwrap_or(i64::MAX)
}
