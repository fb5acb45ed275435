//! The ledger: what became of each job.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};

use crate::{StoreError, Trail, TrailOf};

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

/// Keeps the reports and trails of jobs for a while.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Keeps `report` until `keep_until`, unless the job has one of its kind (final, or delivery) already.
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError>;

    /// What is known of the job; `None` if nothing is, or no longer.
    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError>;

    /// The trails of what is asked, the newest first, at most `most`; without those whose time is over at `now`.
    async fn trails(&self, of: &TrailOf, now: Timestamp, most: usize) -> Result<Vec<Trail>, StoreError>;
}
