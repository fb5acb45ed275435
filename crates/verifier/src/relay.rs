//! The outbox relay and the ledger's clerk: what was promised reaches the broker, what came back is kept.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use mtan_jobs::{JobId, Outcome, Pool, ReportCode, SendJob, SendReport};

use crate::{Applied, LedgerEntry, OutboxEntry, Settled, StoreError, Verifier};

/// How many entries one turn of the relay takes.
const MOST: usize = 256;

/// How long entries belong to the relay that took them.
const LEASE: Duration = Duration::from_secs(10);

const UNPOISONED: &str = "no panic while it is held";

pub(crate) fn outbox_place(id: &JobId) -> String {
    format!("outbox/{id}")
}

impl Verifier {
    /// One turn of the relay: tells the outbox what was confirmed, publishes what is due, ends what is too late.
    /// Returns how many entries were taken; as many as `256` means that more may wait. To be called every second or
    /// so: what is confirmed and not told within five seconds is published again (the same job, so no second SMS).
    pub async fn relay(&self) -> Result<usize, StoreError> {
        self.tell_settled().await?;
        let now = self.clock.now();
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let due = self.store.lease(now, until, MOST).await?;
        let settled = join_all(due.iter().map(|entry| self.relay_one(entry, now))).await;
        settled.into_iter().flatten().for_each(|job| self.note_settled(job));
        self.tell_settled().await?;
        Ok(due.len())
    }

    /// A bounded number at a time, for a store takes only so many in one step. What fails is told by a later turn.
    async fn tell_settled(&self) -> Result<(), StoreError> {
        loop {
            let some = self.some_settled();
            if some.is_empty() {
                return Ok(());
            }
            self.store.settle(&some).await?;
            // Forgotten last: until the outbox knows of it, the list is what tells that a job was confirmed.
            let told: HashSet<&JobId> = some.iter().map(|job| &job.job_id).collect();
            self.settled.lock().expect(UNPOISONED).retain(|job| !told.contains(&job.job_id));
        }
    }

    fn some_settled(&self) -> Vec<Settled> {
        let settled = self.settled.lock().expect(UNPOISONED);
        settled.iter().take(MOST).cloned().collect()
    }

    /// An entry that the outbox may forget.
    async fn relay_one(&self, entry: &OutboxEntry, now: Timestamp) -> Option<Settled> {
        let id = &entry.job_id;
        let job = self.read(entry);
        if now >= entry.expires_at {
            let report = self.expired(id, job.as_ref(), now);
            self.keep(&report).await.inspect_err(|e| tracing::warn!(error = %e, "no ledger")).ok()?;
            return Some(Settled { job_id: id.clone(), confirmed_at: None });
        }
        match self.publisher.publish(&job?).await {
            Ok(()) => {
                tracing::info!(job.id = %id, "relayed job to the queue");
                Some(self.confirmed(id.clone()))
            }
            Err(e) => {
                tracing::warn!(job.id = %id, error = %e, "outbox entry stays");
                None
            }
        }
    }

    /// An entry that cannot be read stays until it expires: the right key, or the version that wrote it, may come back.
    fn read(&self, entry: &OutboxEntry) -> Option<SendJob> {
        let body = self.key.open(&outbox_place(&entry.job_id), &entry.sealed).ok();
        let job = body.and_then(|body| SendJob::from_json(&body).ok());
        if job.is_none() {
            tracing::error!(job.id = %entry.job_id, "outbox entry cannot be read: another server key or version?");
        }
        job
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
        let until =
            self.clock.now().saturating_add(self.policies().default.remembered).unwrap_or(Timestamp::MAX);
        let applied = self.store.apply(report, until).await?;
        if applied == Applied::New {
            tracing::info!(
                job.id = %report.job_id, pool = %report.pool, outcome = %report.outcome, code = %report.code,
                attempts = report.attempts, "report"
            );
        }
        Ok(applied)
    }

    /// The outbox may forget this job.
    pub(crate) fn note_settled(&self, job: Settled) {
        self.settled.lock().expect(UNPOISONED).push(job);
    }

    /// The broker has just confirmed this job.
    pub(crate) fn confirmed(&self, job_id: JobId) -> Settled {
        Settled { job_id, confirmed_at: Some(self.clock.now()) }
    }

    fn expired(&self, id: &JobId, job: Option<&SendJob>, now: Timestamp) -> SendReport {
        let pool = job.map(SendJob::first_pool).or_else(|| self.policies().default.route.first().cloned());
        let detail =
            job.map_or("its outbox entry could not be read", |_| "the queue did not confirm it in time");
        SendReport {
            job_id: id.clone(),
            reference: job.and_then(|j| j.reference.clone()),
            pool: pool.unwrap_or_else(Pool::default_pool),
            provider: "none".to_owned(),
            outcome: Outcome::Expired,
            code: ReportCode::Expired,
            detail: Some(detail.to_owned()),
            gateway_id: None,
            attempts: 0,
            segments: job.map_or(0, |j| j.text.segments()),
            at: now,
        }
    }
}
