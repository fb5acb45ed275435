//! The outbox relay and the ledger's clerk: what was promised reaches the broker, what came back is kept.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use mtan_jobs::{JobId, Outcome, ReportCode, SendJob, SendReport};

use crate::{Applied, LedgerEntry, OutboxEntry, StoreError, Verifier};

/// How many entries one turn of the relay takes.
const MOST: usize = 256;

/// How long entries belong to the relay that took them.
const LEASE: Duration = Duration::from_secs(10);

/// How long the ledger remembers a job.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn outbox_place(id: &JobId) -> String {
    format!("outbox/{id}")
}

impl Verifier {
    /// One turn of the relay: tells the outbox what was confirmed, publishes what is due, ends what is too late.
    /// Returns how many entries were taken; as many as `256` means that more may wait.
    pub async fn relay(&self) -> Result<usize, StoreError> {
        let confirmed = std::mem::take(&mut *self.confirmed.lock().expect("no panic while it is held"));
        if !confirmed.is_empty() {
            if let Err(e) = self.store.settle(&confirmed).await {
                self.confirmed.lock().expect("no panic while it is held").extend(confirmed);
                return Err(e);
            }
        }
        let now = self.clock.now();
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let due = self.store.lease(now, until, MOST).await?;
        let settled = join_all(due.iter().map(|entry| self.relay_one(entry, now))).await;
        let settled: Vec<JobId> = settled.into_iter().flatten().collect();
        if !settled.is_empty() {
            self.store.settle(&settled).await?;
        }
        Ok(due.len())
    }

    /// The id of an entry that the outbox may forget.
    async fn relay_one(&self, entry: &OutboxEntry, now: Timestamp) -> Option<JobId> {
        let id = &entry.job_id;
        let Ok(body) = self.key.open(&outbox_place(id), &entry.sealed) else {
            // Kept until it expires: the right key may come back with the next start.
            tracing::error!(job.id = %id, "outbox entry does not open: another server key?");
            return (now >= entry.expires_at).then(|| id.clone());
        };
        let job = SendJob::from_json(&body).ok()?;
        if now >= entry.expires_at {
            self.keep(&expired(&job, now)).await.ok()?;
            return Some(id.clone());
        }
        match self.publisher.publish(&job).await {
            Ok(()) => {
                tracing::info!(job.id = %id, "relayed job to the queue");
                Some(id.clone())
            }
            Err(e) => {
                tracing::warn!(job.id = %id, error = %e, "outbox entry stays");
                None
            }
        }
    }

    /// Keeps a report in the ledger; a late or repeated one changes nothing.
    pub async fn apply_report(&self, report: &SendReport) -> Result<Applied, StoreError> {
        self.keep(report).await
    }

    /// What the ledger knows of a job.
    pub async fn ledger_entry(&self, job_id: &JobId) -> Result<Option<LedgerEntry>, StoreError> {
        self.store.entry(job_id, self.clock.now()).await
    }

    /// Entries between promise and confirm.
    pub async fn outbox_depth(&self) -> Result<u64, StoreError> {
        self.store.depth().await
    }

    async fn keep(&self, report: &SendReport) -> Result<Applied, StoreError> {
        let until = self.clock.now().saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX);
        let applied = self.store.apply(report, until).await?;
        if applied == Applied::New {
            tracing::info!(
                job.id = %report.job_id, pool = %report.pool, outcome = %report.outcome, code = %report.code,
                attempts = report.attempts, "report"
            );
        }
        Ok(applied)
    }

    pub(crate) fn note_confirmed(&self, id: JobId) {
        self.confirmed.lock().expect("no panic while it is held").push(id);
    }
}

fn expired(job: &SendJob, now: Timestamp) -> SendReport {
    SendReport {
        job_id: job.id.clone(),
        reference: job.reference.clone(),
        pool: job.first_pool(),
        provider: "none".to_owned(),
        outcome: Outcome::Expired,
        code: ReportCode::Expired,
        detail: Some("never reached the queue".to_owned()),
        gateway_id: None,
        attempts: 0,
        segments: job.text.segments(),
        at: now,
    }
}
