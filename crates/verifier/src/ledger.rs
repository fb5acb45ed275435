//! The ledger: what became of each job.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};

use crate::StoreError;

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerEntry {
    /// Its final report: the first that came.
    pub outcome: Option<SendReport>,
    /// Its delivery report: the first that came.
    pub delivery: Option<SendReport>,
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is the first of its kind.
    New,
    /// There was one of its kind: nothing was changed.
    Repeated,
}

/// Keeps the reports of jobs for a while.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Keeps `report` until `keep_until`, unless the job has one of its kind (final, or delivery) already.
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError>;

    /// What is known of the job; `None` if nothing is, or no longer.
    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError>;
}
