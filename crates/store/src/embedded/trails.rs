//! Trails in the file: members of the record that keeps a job's reports, an id for each transaction, and from each job
//! of a token to the one before it.

use jiff::Timestamp;
use mtan_jobs::JobId;
use mtan_verifier::{Asked, End, LedgerEntry, MOST_TOKENS, StoreError, Trail, TrailOf, TransactionId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::ledger::{Reports, put};
use super::tables::{LEDGER, OUTBOX, OWNED, STATES, TRANSACTIONS, get, open, owned};
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
    let of_each = if matches!(of, TrailOf::Job(_) | TrailOf::Transaction(_)) { most.min(1) } else { most };
    let mut trails = Vec::new();
    for first in begins(tx, of)? {
        let (mut next, until_here) = (Some(first), trails.len() + of_each);
        while let Some(job) = next.filter(|_| trails.len() < until_here) {
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
    }
    Ok(record::newest_first(trails, of, most))
}

/// The jobs with which the answer begins: one of each token, or of each challenge.
fn begins(tx: &ReadTransaction, of: &TrailOf) -> Result<Vec<String>, Fault> {
    match of {
        TrailOf::Job(id) => Ok(vec![id.to_string()]),
        TrailOf::Transaction(id) => jobs_of(tx, id),
        TrailOf::Serial(serial) => Ok(last_of(tx, serial.as_str())?.into_iter().collect()),
        TrailOf::User(user) => {
            let Some(table) = open(tx, OWNED)? else { return Ok(Vec::new()) };
            let mut lasts = Vec::new();
            for serial in owned(&table, user.realm(), user.user())? {
                lasts.extend(last_of(tx, &serial)?);
            }
            Ok(lasts)
        }
    }
}

/// The job of that transaction; those of all its siblings, if it is a root.
fn jobs_of(tx: &ReadTransaction, transaction: &TransactionId) -> Result<Vec<String>, Fault> {
    let Some(transactions) = open(tx, TRANSACTIONS)? else { return Ok(Vec::new()) };
    let job = |id: &str| -> Result<Option<String>, Fault> {
        Ok(transactions.get(id)?.map(|job| job.value().to_owned()))
    };
    if let Some(job) = job(transaction.as_str())? {
        return Ok(vec![job]);
    }
    let mut jobs = Vec::new();
    if *transaction == transaction.root() {
        for place in 1..=MOST_TOKENS {
            jobs.extend(job(transaction.sibling(place).as_str())?);
        }
    }
    Ok(jobs)
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
