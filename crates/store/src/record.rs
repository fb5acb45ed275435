//! Records as both stores keep them: JSON with a version. Members are only ever added, and unknown ones ignored.

use std::str::FromStr;

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use mtan_hotp::{Algorithm, Digits};
use mtan_jobs::{JobId, Pool, SendReport};
use mtan_seal::Digest;
use mtan_sms::PhoneNumber;
use mtan_verifier::{
    Asked, AuditRecord, Challenge, End, OutboxEntry, PinHash, SealedSecret, StoreError, Token, Trail,
    TrailOf, TransactionId, UserRef,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Tries that a trail keeps: the last ones. All are counted against the token.
pub(crate) const MOST_TRIES: usize = 16;

/// The version that this crate writes, and the highest that it reads.
pub(crate) const VERSION: u32 = 1;

/// How long a challenge and a ledger entry stay readable after their expiry: longer than the clocks of two hosts
/// differ, long enough to tell a late answer from one to an unknown challenge.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// The same for an outbox entry: the relay owes a report for it, also after a weekend in which no relay ran.
pub(crate) const OUTBOX_GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a token has that only an administrator changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    v: u32,
    serial: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRecord>,
    phone: String,
    description: String,
    algorithm: String,
    digits: u8,
    pin: String,
    secret: String,
    max_fail: u32,
    created_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OwnerRecord {
    user: String,
    realm: String,
}

/// What changes with every trigger and every try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenState {
    v: u32,
    pub(crate) counter: u64,
    pub(crate) fail_count: u32,
    pub(crate) active: bool,
    /// The challenge opened last, unless it was used up or died. Others may still have a record; they are dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) open: Option<String>,
    /// The job of the challenge opened last: where the chain of the token's trails begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// How an SMS was asked for: the beginning of its trail. Times in microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AskedRecord {
    v: u32,
    transaction: String,
    serial: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRecord>,
    to: String,
    route: Vec<String>,
    at: i64,
    expires: i64,
    keep: i64,
}

/// A challenge; whether it is its token's open one stands in [`TokenState::open`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChallengeRecord {
    v: u32,
    serial: String,
    otp: String,
    job_id: String,
    created_at: String,
    expires_at: String,
}

/// An outbox entry; when it is due stands beside it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    v: u32,
    sealed: String,
    expires_at: String,
}

impl TokenRecord {
    pub(crate) fn of(token: &Token) -> TokenRecord {
        TokenRecord {
            v: VERSION,
            serial: token.serial.to_string(),
            owner: token.user.as_ref().map(OwnerRecord::of),
            phone: token.phone.expose().to_owned(),
            description: token.description.clone(),
            algorithm: token.algorithm.to_string(),
            digits: token.digits.get(),
            pin: token.pin.to_text(),
            secret: BASE64.encode(token.secret.as_bytes()),
            max_fail: token.max_fail,
            created_at: token.created_at.to_string(),
        }
    }

    /// The same record with the creation time of `older`, the one that it replaces.
    pub(crate) fn created_as(self, older: &TokenRecord) -> TokenRecord {
        self.created_at(older.created_at.clone())
    }

    /// The same record with another creation time.
    pub(crate) fn created_at(mut self, created_at: String) -> TokenRecord {
        self.created_at = created_at;
        self
    }

    pub(crate) fn token(&self, state: &TokenState) -> Result<Token, StoreError> {
        let place = || format!("token {}", self.serial);
        let user = self.owner.as_ref().map(|o| o.user(&place())).transpose()?;
        Ok(Token {
            serial: member(&self.serial, &place, "serial")?,
            user,
            phone: PhoneNumber::parse(&self.phone).map_err(|_| damaged(&place(), "phone"))?,
            description: self.description.clone(),
            algorithm: member::<Algorithm>(&self.algorithm, &place, "algorithm")?,
            digits: Digits::new(self.digits).map_err(|_| damaged(&place(), "digits"))?,
            pin: PinHash::from_text(&self.pin).ok_or_else(|| damaged(&place(), "pin"))?,
            secret: SealedSecret::from_bytes(bytes(&self.secret, &place, "secret")?),
            max_fail: self.max_fail,
            counter: state.counter,
            fail_count: state.fail_count,
            active: state.active,
            created_at: member(&self.created_at, &place, "created_at")?,
        })
    }

    pub(crate) fn max_fail(&self) -> u32 {
        self.max_fail
    }

    /// Realm and user, if it has an owner.
    pub(crate) fn owner(&self) -> Option<(&str, &str)> {
        self.owner.as_ref().map(|o| (o.realm.as_str(), o.user.as_str()))
    }
}

impl OwnerRecord {
    fn of(user: &UserRef) -> OwnerRecord {
        OwnerRecord { user: user.user().to_owned(), realm: user.realm().to_owned() }
    }

    fn user(&self, place: &str) -> Result<UserRef, StoreError> {
        UserRef::new(&self.user, &self.realm).map_err(|_| damaged(place, "owner"))
    }
}

impl AskedRecord {
    pub(crate) fn of(asked: &Asked) -> AskedRecord {
        AskedRecord {
            v: VERSION,
            transaction: asked.transaction.to_string(),
            serial: asked.serial.to_string(),
            owner: asked.user.as_ref().map(OwnerRecord::of),
            to: asked.to.clone(),
            route: asked.route.iter().map(Pool::to_string).collect(),
            at: micros(asked.at),
            expires: micros(asked.expires_at),
            keep: micros(asked.keep_until),
        }
    }

    pub(crate) fn asked(&self, place: &str) -> Result<Asked, StoreError> {
        let named = || place.to_owned();
        Ok(Asked {
            transaction: self.transaction.parse().map_err(|()| damaged(place, "transaction"))?,
            serial: member(&self.serial, &named, "serial")?,
            user: self.owner.as_ref().map(|o| o.user(place)).transpose()?,
            to: self.to.clone(),
            route: self.route.iter().map(|pool| member(pool, &named, "route")).collect::<Result<_, _>>()?,
            at: time(place, "at", self.at)?,
            expires_at: time(place, "expires", self.expires)?,
            keep_until: time(place, "keep", self.keep)?,
        })
    }

    pub(crate) fn transaction(&self) -> &str {
        &self.transaction
    }
}

impl TokenState {
    pub(crate) fn of(token: &Token) -> TokenState {
        TokenState::new(token.counter, token.fail_count, token.active)
    }

    /// A state without challenges.
    pub(crate) fn new(counter: u64, fail_count: u32, active: bool) -> TokenState {
        TokenState { v: VERSION, counter, fail_count, active, open: None, last: None }
    }
}

impl ChallengeRecord {
    pub(crate) fn of(challenge: &Challenge) -> ChallengeRecord {
        ChallengeRecord {
            v: VERSION,
            serial: challenge.serial.to_string(),
            otp: challenge.otp.to_hex(),
            job_id: challenge.job_id.to_string(),
            created_at: challenge.created_at.to_string(),
            expires_at: challenge.expires_at.to_string(),
        }
    }

    pub(crate) fn challenge(&self, transaction: &str) -> Result<Challenge, StoreError> {
        let place = || format!("challenge {transaction}");
        Ok(Challenge {
            transaction: transaction
                .parse::<TransactionId>()
                .map_err(|()| damaged(&place(), "transaction"))?,
            serial: member(&self.serial, &place, "serial")?,
            otp: Digest::from_hex(&self.otp).ok_or_else(|| damaged(&place(), "otp"))?,
            job_id: member(&self.job_id, &place, "job_id")?,
            created_at: member(&self.created_at, &place, "created_at")?,
            expires_at: member(&self.expires_at, &place, "expires_at")?,
        })
    }

    pub(crate) fn serial(&self) -> &str {
        &self.serial
    }
}

impl EntryRecord {
    pub(crate) fn of(entry: &OutboxEntry) -> EntryRecord {
        EntryRecord {
            v: VERSION,
            sealed: BASE64.encode(&entry.sealed),
            expires_at: entry.expires_at.to_string(),
        }
    }

    pub(crate) fn entry(&self, job_id: &str) -> Result<OutboxEntry, StoreError> {
        let place = || format!("outbox entry {job_id}");
        Ok(OutboxEntry {
            job_id: member::<JobId>(job_id, &place, "job id")?,
            sealed: bytes(&self.sealed, &place, "sealed")?,
            expires_at: member(&self.expires_at, &place, "expires_at")?,
        })
    }
}

/// An audit record. `at` in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AuditedRecord {
    v: u32,
    at: i64,
    action: String,
    success: bool,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_named: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    administrator: Option<String>,
}

impl AuditedRecord {
    pub(crate) fn of(record: &AuditRecord) -> AuditedRecord {
        let AuditRecord {
            at,
            action,
            success,
            reason,
            user,
            realm,
            serial,
            transaction,
            client,
            client_named,
            administrator,
        } = record.clone();
        AuditedRecord {
            v: VERSION,
            at: micros(at),
            action,
            success,
            reason,
            user,
            realm,
            serial,
            transaction,
            client,
            client_named,
            administrator,
        }
    }

    pub(crate) fn record(self, place: &str) -> Result<AuditRecord, StoreError> {
        Ok(AuditRecord {
            at: time(place, "at", self.at)?,
            action: self.action,
            success: self.success,
            reason: self.reason,
            user: self.user,
            realm: self.realm,
            serial: self.serial,
            transaction: self.transaction,
            client: self.client,
            client_named: self.client_named,
            administrator: self.administrator,
        })
    }
}

/// An audit record as it lies under `id`. One that cannot be read hides the others from nobody: it is told and left out.
pub(crate) fn audited(id: &str, body: &[u8]) -> Option<AuditRecord> {
    let place = format!("audit record {id}");
    let record = read::<AuditedRecord>(&place, body).and_then(|record| record.record(&place));
    record.inspect_err(|error| tracing::error!(%error, "an audit record is left out")).ok()
}

/// A report out of the ledger.
pub(crate) fn report(job_id: &str, body: &[u8]) -> Result<SendReport, StoreError> {
    SendReport::from_json(body).map_err(|_| damaged(&format!("ledger entry {job_id}"), "report"))
}

/// The newest first, at most `most`; of a transaction all, in the order of its siblings.
pub(crate) fn newest_first(mut trails: Vec<Trail>, of: &TrailOf, most: usize) -> Vec<Trail> {
    if let TrailOf::User(_) = of {
        // each token's own are in order, and stay so
        trails.sort_by_key(|trail| std::cmp::Reverse(trail.asked.as_ref().map(|asked| asked.at)));
    }
    trails.truncate(most);
    trails
}

/// What ended a challenge, and when.
pub(crate) fn end(place: &str, what: &str, at: i64) -> Result<(End, Timestamp), StoreError> {
    let end = End::ALL.into_iter().find(|end| end.as_str() == what).ok_or_else(|| damaged(place, "end"))?;
    Ok((end, time(place, "end", at)?))
}

pub(crate) fn times(place: &str, name: &str, micros: &[i64]) -> Result<Vec<Timestamp>, StoreError> {
    micros.iter().map(|at| time(place, name, *at)).collect()
}

pub(crate) fn time(place: &str, name: &str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| damaged(place, name))
}

pub(crate) fn number(place: &str, name: &str, text: &str) -> Result<i64, StoreError> {
    text.parse().map_err(|_| damaged(place, name))
}

pub(crate) fn write(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("strings and numbers always serialise")
}

/// Reads the record that lies at `place`. No error shows what stands in it.
pub(crate) fn read<T: DeserializeOwned>(place: &str, body: &[u8]) -> Result<T, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    // serde_json's own words may quote the value: only its position is told.
    let unreadable = |e: serde_json::Error| {
        StoreError(format!("{place}: its record cannot be read (byte {})", e.column()))
    };
    let Version { v } = serde_json::from_slice(body).map_err(unreadable)?;
    if v > VERSION {
        return Err(StoreError(format!("{place}: its record has version {v}, written by a newer mtan")));
    }
    serde_json::from_slice(body).map_err(unreadable)
}

/// Microseconds since 1970: the resolution of indices and of the scripts' comparisons (a double holds them exactly
/// until the year 2255).
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn member<T: FromStr>(text: &str, place: &dyn Fn() -> String, name: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| damaged(&place(), name))
}

fn bytes(text: &str, place: &dyn Fn() -> String, name: &str) -> Result<Vec<u8>, StoreError> {
    BASE64.decode(text.as_bytes()).map_err(|_| damaged(&place(), name))
}

/// What expired before this moment has had its `grace`.
pub(crate) fn latest_over(now: Timestamp, grace: SignedDuration) -> Timestamp {
    now.saturating_sub(grace).unwrap_or(Timestamp::MIN)
}

pub(crate) fn damaged(place: &str, name: &str) -> StoreError {
    StoreError(format!("{place}: `{name}` in its record cannot be read"))
}
