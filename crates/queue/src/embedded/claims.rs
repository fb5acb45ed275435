//! The claim book in the file: one entry a job, changed inside one write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_embedded::Embedded;
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, SendReport, Unknown};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::shelf::{Kept, Shelf, answer};

/// Neither the entry nor the report in it holds a text or a code.
const CLAIMS: Shelf<Entry> = Shelf::new("queue/claims", "queue/claims/keep");

/// The claim book in `file`. An entry is forgotten, and later swept out, once a claim comes after its `keep_until`.
pub fn embedded_claims(file: &Embedded) -> Arc<dyn ClaimBook> {
    Arc::new(EmbeddedClaims(file.clone()))
}

struct EmbeddedClaims(Embedded);

/// What the book knows of a job; times in microseconds since 1970.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    keep_until: i64,
    unknowns: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// The final report's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(default)]
    reported: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    owner: String,
    until: i64,
}

#[async_trait]
impl ClaimBook for EmbeddedClaims {
    async fn claim(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
        keep_until: Timestamp,
    ) -> Result<Claim, ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        let decide = move |tx: &WriteTransaction| {
            CLAIMS.sweep(tx, now)?;
            CLAIMS.change(tx, &id, |entry| {
                entry.forget(now);
                entry.keep_until = entry.keep_until.max(keep_until.as_microsecond());
                entry.claim(&owner, now, lease)
            })
        };
        answer(self.0.write(decide).await)?
    }

    async fn renew(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        answer(
            self.0
                .write(move |tx| CLAIMS.change_known(tx, &id, |entry| entry.renew(&owner, now, lease)))
                .await,
        )
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        answer(
            self.0
                .write(move |tx| CLAIMS.change_known(tx, &id, |entry| entry.release(&owner, unknown)))
                .await,
        )
    }

    async fn settle(&self, report: &SendReport, keep_until: Timestamp) -> Result<(), ClaimError> {
        let id = report.job_id.to_string();
        let json = String::from_utf8_lossy(&report.to_json()).into_owned();
        let decide = move |tx: &WriteTransaction| {
            CLAIMS.change(tx, &id, |entry| {
                entry.keep_until = entry.keep_until.max(keep_until.as_microsecond());
                entry.settle(json);
            })
        };
        answer(self.0.write(decide).await)
    }

    async fn reported(&self, ids: &[JobId]) -> Result<(), ClaimError> {
        let ids: Vec<String> = ids.iter().map(JobId::to_string).collect();
        let note = move |tx: &WriteTransaction| {
            ids.iter().try_for_each(|id| CLAIMS.change_known(tx, id, Entry::reported))
        };
        answer(self.0.write(note).await)
    }
}

impl Kept for Entry {
    fn keep_until(&self) -> i64 {
        self.keep_until
    }
}

impl Entry {
    fn claim(&mut self, owner: &Owner, now: Timestamp, lease: Duration) -> Result<Claim, ClaimError> {
        if let Some(report) = &self.report {
            let report = SendReport::from_json(report.as_bytes()).map_err(|e| ClaimError(e.to_string()))?;
            return Ok(Claim::Settled { report, reported: self.reported });
        }
        match &self.holder {
            Some(holder) if holder.until <= now.as_microsecond() => self.unknowns += 1,
            // Somebody who did not hear the answer asks again.
            Some(holder) if holder.owner == owner.0 => {}
            Some(holder) => return Ok(Claim::Busy { until: time(holder.until) }),
            None => {}
        }
        self.holder = Some(Holder { owner: owner.0.clone(), until: end(now, lease) });
        Ok(Claim::Taken { unknowns: self.unknowns })
    }

    fn renew(&mut self, owner: &Owner, now: Timestamp, lease: Duration) -> bool {
        match &mut self.holder {
            // A lease that lapsed and that nobody took is still the owner's.
            Some(holder) if holder.owner == owner.0 => {
                holder.until = end(now, lease);
                true
            }
            _ => false,
        }
    }

    fn release(&mut self, owner: &Owner, unknown: Unknown) {
        if self.holder.as_ref().is_some_and(|holder| holder.owner == owner.0) {
            self.holder = None;
            self.unknowns += u32::from(unknown == Unknown::Yes);
        }
    }

    fn settle(&mut self, report: String) {
        self.report.get_or_insert(report);
        self.holder = None;
    }

    fn reported(&mut self) {
        self.reported = self.report.is_some();
    }
}

fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

fn end(now: Timestamp, lease: Duration) -> i64 {
    now.saturating_add(lease).unwrap_or(Timestamp::MAX).as_microsecond()
}
