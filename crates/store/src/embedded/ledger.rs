//! The ledger in the file.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};
use mtan_verifier::{Applied, Ledger, LedgerEntry, StoreError};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{LEDGER, LEDGER_EXPIRY, get, open};
use crate::record::{self, micros};

/// The reports of a job.
#[derive(Debug, Serialize, Deserialize)]
struct Reports {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<String>,
    /// The first moment at which the entry counts for nothing, in microseconds.
    keep_until: i64,
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
        let Some(reports) = reports.filter(|r| micros(now) < r.keep_until) else { return Ok(None) };
        let read = |body: Option<String>| body.map(|b| record::report(id, b.as_bytes())).transpose();
        Ok(Some(LedgerEntry { outcome: read(reports.outcome)?, delivery: read(reports.delivery)? }))
    }
}

fn apply(tx: &WriteTransaction, report: &SendReport, keep_until: i64) -> Result<Applied, Fault> {
    let id = report.job_id.as_str();
    let mut ledger = tx.open_table(LEDGER)?;
    let mut expiry = tx.open_table(LEDGER_EXPIRY)?;
    let empty = Reports { v: record::VERSION, outcome: None, delivery: None, keep_until };
    let known = get::<Reports>(&ledger, "ledger entry", id)?;
    let since = known.as_ref().map(|r| r.keep_until);
    let mut reports = known.unwrap_or(empty);
    let place = if report.outcome.is_final() { &mut reports.outcome } else { &mut reports.delivery };
    if place.is_some() {
        return Ok(Applied::Repeated);
    }
    *place = Some(String::from_utf8(report.to_json()).expect("JSON is UTF-8"));
    reports.keep_until = reports.keep_until.max(keep_until);
    if let Some(since) = since {
        expiry.remove((since, id))?;
    }
    expiry.insert((reports.keep_until, id), ())?;
    ledger.insert(id, &*record::write(&reports))?;
    Ok(Applied::New)
}
