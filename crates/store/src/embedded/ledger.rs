//! The ledger in the file.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};
use mtan_verifier::{Applied, Ledger, LedgerEntry, StoreError, Trail, TrailOf};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{LEDGER, LEDGER_EXPIRY, get, open};
use super::trails::{self, TrailRecord};
use crate::record::{self, micros};

/// The reports of a job, and its trail.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reports {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<String>,
    /// The first moment at which the entry counts for nothing, in microseconds.
    pub(super) keep_until: i64,
    #[serde(flatten)]
    pub(super) trail: TrailRecord,
}

impl Reports {
    pub(super) fn new(keep_until: i64) -> Reports {
        Reports {
            v: record::VERSION,
            outcome: None,
            delivery: None,
            keep_until,
            trail: TrailRecord::default(),
        }
    }
}

#[async_trait]
impl Ledger for EmbeddedStore {
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError> {
        let report = report.clone();
        self.step(move |tx| apply(tx, &report, micros(keep_until))).await
    }

    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError> {
        let id = job_id.as_str();
        let reports = self.look(|tx| match open(tx, LEDGER)? {
            Some(ledger) => get::<Reports>(&ledger, "ledger entry", id),
            None => Ok(None),
        })?;
        // The trail of a job whose reports have not come yet is no entry.
        let counts =
            |r: &Reports| micros(now) < r.keep_until && (r.outcome.is_some() || r.delivery.is_some());
        let Some(reports) = reports.filter(counts) else { return Ok(None) };
        let read = |body: Option<String>| body.map(|b| record::report(id, b.as_bytes())).transpose();
        Ok(Some(LedgerEntry { outcome: read(reports.outcome)?, delivery: read(reports.delivery)? }))
    }

    async fn trails(&self, of: &TrailOf, now: Timestamp, most: usize) -> Result<Vec<Trail>, StoreError> {
        self.look(|tx| trails::trails(tx, of, now, most))
    }
}

fn apply(tx: &WriteTransaction, report: &SendReport, keep_until: i64) -> Result<Applied, Fault> {
    let id = report.job_id.as_str();
    let known = get::<Reports>(&tx.open_table(LEDGER)?, "ledger entry", id)?;
    let since = known.as_ref().map(|r| r.keep_until);
    let mut reports = known.unwrap_or_else(|| Reports::new(keep_until));
    let place = if report.outcome.is_final() { &mut reports.outcome } else { &mut reports.delivery };
    if place.is_some() {
        return Ok(Applied::Repeated);
    }
    *place = Some(String::from_utf8(report.to_json()).expect("JSON is UTF-8"));
    reports.keep_until = reports.keep_until.max(keep_until);
    put(tx, id, since, &reports)?;
    Ok(Applied::New)
}

/// Keeps the record; `since` is the time until which the one before it was to be kept.
pub(super) fn put(
    tx: &WriteTransaction,
    id: &str,
    since: Option<i64>,
    reports: &Reports,
) -> Result<(), Fault> {
    if since != Some(reports.keep_until) {
        let mut expiry = tx.open_table(LEDGER_EXPIRY)?;
        if let Some(since) = since {
            expiry.remove((since, id))?;
        }
        expiry.insert((reports.keep_until, id), ())?;
    }
    tx.open_table(LEDGER)?.insert(id, &*record::write(reports))?;
    Ok(())
}
