//! The ledger in Redis: a hash per job with the first report of each kind.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};
use mtan_verifier::{Applied, Ledger, LedgerEntry, StoreError, Trail, TrailOf};

use super::tokens::millis_to_keep;
use super::{Certain, RedisStore, keys, trails};
use crate::record::{self, GRACE, micros};

#[async_trait]
impl Ledger for RedisStore {
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError> {
        let kind = if report.outcome.is_final() { "outcome" } else { "delivery" };
        let mut step = self.shared.scripts.apply_report.prepare_invoke();
        step.key(keys::report(&report.job_id))
            .arg(kind)
            .arg(report.to_json())
            .arg(micros(keep_until))
            .arg(millis_to_keep(report.at, keep_until, GRACE));
        let new: bool = self.step(&step, Certain::Here).await?;
        Ok(if new { Applied::New } else { Applied::Repeated })
    }

    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError> {
        let id = job_id.as_str();
        let mut look = cmd("HMGET");
        look.arg(keys::report(id)).arg(&["outcome", "delivery", "keep"]);
        let (outcome, delivery, keep): (Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>) =
            self.look(&look).await?;
        // The trail of a job whose reports have not come yet is no entry.
        let none = outcome.is_none() && delivery.is_none();
        if none || keep.is_none_or(|keep| micros(now) >= keep) {
            return Ok(None);
        }
        let read = |body: Option<Vec<u8>>| body.map(|b| record::report(id, &b)).transpose();
        Ok(Some(LedgerEntry { outcome: read(outcome)?, delivery: read(delivery)? }))
    }

    async fn trails(&self, of: &TrailOf, now: Timestamp, most: usize) -> Result<Vec<Trail>, StoreError> {
        trails::trails(self, of, now, most).await
    }
}
