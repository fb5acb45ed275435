//! The outbox in Redis: a sorted set of job ids by due time, and each job's record.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use mtan_verifier::{Outbox, OutboxEntry, Settled, StoreError};

use super::{Certain, RedisStore, keys};
use crate::record::{self, EntryRecord, OUTBOX_GRACE, latest_over, micros};

/// Jobs that one script settles: a script holds up everybody else for as long as it runs.
const SETTLED_AT_ONCE: usize = 256;

#[async_trait]
impl Outbox for RedisStore {
    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let over = latest_over(now, OUTBOX_GRACE);
        let mut step = self.shared.scripts.lease.prepare_invoke();
        step.key(keys::OUTBOX).arg(micros(now)).arg(micros(until)).arg(most).arg(micros(over));
        let (jobs, dropped): (Vec<(String, Vec<u8>)>, usize) = self.step(&step, Certain::Here).await?;
        if dropped > 0 {
            tracing::error!(entries = dropped, "outbox entries dropped: long expired and never settled");
        }
        Ok(jobs.iter().filter_map(|(id, body)| readable(id, body)).collect())
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), StoreError> {
        for some in settled.chunks(SETTLED_AT_ONCE) {
            let mut step = self.shared.scripts.settle.prepare_invoke();
            step.key(keys::OUTBOX);
            for Settled { job_id, confirmed_at } in some {
                step.arg(job_id.as_str()).arg(confirmed_at.map(micros).unwrap_or_default());
            }
            let () = self.step(&step, Certain::Here).await?;
        }
        Ok(())
    }

    async fn depth(&self) -> Result<u64, StoreError> {
        let mut look = cmd("ZCARD");
        look.arg(keys::OUTBOX);
        self.look(&look).await
    }
}

/// The entry; one that cannot be read is left for later: a newer mtan may have written it, and it was promised.
fn readable(id: &str, body: &[u8]) -> Option<OutboxEntry> {
    let record = record::read::<EntryRecord>(&format!("outbox entry {id}"), body);
    match record.and_then(|record| record.entry(id)) {
        Ok(entry) => Some(entry),
        Err(error) => {
            tracing::error!(job.id = %id, %error, "outbox entry cannot be read");
            None
        }
    }
}
