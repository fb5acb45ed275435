//! Trails in the file: members of the record that keeps a job's reports, an id for each transaction, and from each job
//! of a token to the one before it.

use jiff::Timestamp;
use mtan_jobs::JobId;
use mtan_verifier::{Asked, End, LedgerEntry, StoreError, Trail, TrailOf};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::ledger::{Reports, put};
use super::tables::{LEDGER, OUTBOX, OWNERS, STATES, TRANSACTIONS, get, open};
use crate::record::{self, AskedRecord, MOST_TRIES, TokenState, micros};

/// What a job's record in the ledger has of its trail. Times in microseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TrailRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<AskedRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tries: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<(String, i64)>,
    /// The token's job before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

impl TrailRecord {
    pub(super) fn note_try(&mut self, now: Timestamp) {
        if self.tries.len() == MOST_TRIES {
            self.tries.remove(0);
        }
        self.tries.push(micros(now));
    }

    /// The last one was a right one.
    pub(super) fn take_back_try(&mut self) {
        self.tries.pop();
    }

    pub(super) fn end(&mut self, end: End, at: Timestamp) {
        self.end = Some((end.as_str().to_owned(), micros(at)));
    }
}

/// Begins the trail of `job`, part of a larger step.
pub(super) fn begin(
    tx: &WriteTransaction,
    job: &JobId,
    asked: &Asked,
    previous: Option<String>,
) -> Result<(), Fault> {
    let record = TrailRecord { asked: Some(AskedRecord::of(asked)), previous, ..TrailRecord::default() };
    tx.open_table(TRANSACTIONS)?.insert(asked.transaction.as_str(), job.as_str())?;
    let mut reports = Reports::new(micros(asked.keep_until));
    reports.trail = record;
    put(tx, job.as_str(), None, &reports)
}

/// Changes the trail of a token's open challenge, if there is one. One that cannot be read stays as it is: it keeps
/// nobody from logging in.
pub(super) fn change(
    tx: &WriteTransaction,
    transaction: Option<&str>,
    change: impl FnOnce(&mut TrailRecord),
) -> Result<(), Fault> {
    let Some(transaction) = transaction else { return Ok(()) };
    let job = tx.open_table(TRANSACTIONS)?.get(transaction)?.map(|job| job.value().to_owned());
    let Some(job) = job else { return Ok(()) };
    change_job(tx, &job, change)
}

/// Notes when the broker confirmed a job; the first word stays.
pub(super) fn confirm(tx: &WriteTransaction, job: &str, at: Timestamp) -> Result<(), Fault> {
    change_job(tx, job, |trail| trail.confirmed = trail.confirmed.or(Some(micros(at))))
}

fn change_job(tx: &WriteTransaction, job: &str, change: impl FnOnce(&mut TrailRecord)) -> Result<(), Fault> {
    let known = get::<Reports>(&tx.open_table(LEDGER)?, "ledger entry", job);
    match known {
        Ok(Some(mut reports)) if reports.trail.asked.is_some() => {
            change(&mut reports.trail);
            put(tx, job, Some(reports.keep_until), &reports)
        }
        Ok(_) => Ok(()),
        Err(Fault::Record(error)) => {
            tracing::error!(job.id = %job, %error, "the trail of an SMS cannot be read");
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

pub(super) fn trails(
    tx: &ReadTransaction,
    of: &TrailOf,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Trail>, Fault> {
    let Some(ledger) = open(tx, LEDGER)? else { return Ok(Vec::new()) };
    let outbox = open(tx, OUTBOX)?;
    let most = if matches!(of, TrailOf::Job(_) | TrailOf::Transaction(_)) { most.min(1) } else { most };
    let (mut next, mut trails) = (first(tx, of)?, Vec::new());
    while let Some(job) = next.filter(|_| trails.len() < most) {
        let Some(reports) = get::<Reports>(&ledger, "ledger entry", &job)? else { break };
        if micros(now) >= reports.keep_until {
            break;
        }
        let in_outbox = match &outbox {
            Some(outbox) => outbox.get(job.as_str())?.is_some(),
            None => false,
        };
        next = reports.trail.previous.clone();
        trails.push(trail(&job, reports, in_outbox)?);
    }
    Ok(trails)
}

/// The job with which the answer begins.
fn first(tx: &ReadTransaction, of: &TrailOf) -> Result<Option<String>, Fault> {
    match of {
        TrailOf::Job(id) => Ok(Some(id.to_string())),
        TrailOf::Transaction(id) => {
            let Some(transactions) = open(tx, TRANSACTIONS)? else { return Ok(None) };
            let job = transactions.get(id.as_str())?;
            Ok(job.map(|job| job.value().to_owned()))
        }
        TrailOf::Serial(serial) => last_of(tx, serial.as_str()),
        TrailOf::User(user) => {
            let Some(owners) = open(tx, OWNERS)? else { return Ok(None) };
            let serial = owners.get((user.realm(), user.user()))?;
            serial.map_or(Ok(None), |serial| last_of(tx, serial.value()))
        }
    }
}

fn last_of(tx: &ReadTransaction, serial: &str) -> Result<Option<String>, Fault> {
    let Some(states) = open(tx, STATES)? else { return Ok(None) };
    Ok(get::<TokenState>(&states, "token", serial)?.and_then(|state| state.last))
}

fn trail(job: &str, reports: Reports, in_outbox: bool) -> Result<Trail, StoreError> {
    let place = format!("trail {job}");
    let Reports { trail, outcome, delivery, .. } = reports;
    let report = |body: Option<String>| body.map(|b| record::report(job, b.as_bytes())).transpose();
    Ok(Trail {
        job_id: job.parse::<JobId>().map_err(|_| record::damaged(&place, "job id"))?,
        asked: trail.asked.map(|asked| asked.asked(&place)).transpose()?,
        confirmed_at: trail.confirmed.map(|at| record::time(&place, "confirmed", at)).transpose()?,
        in_outbox,
        tries: record::times(&place, "tries", &trail.tries)?,
        end: trail.end.map(|(what, at)| record::end(&place, &what, at)).transpose()?,
        reports: LedgerEntry { outcome: report(outcome)?, delivery: report(delivery)? },
    })
}
