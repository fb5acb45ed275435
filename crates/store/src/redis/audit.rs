//! The audit log in Redis: a stream that Redis keeps at about its length.

use ::redis::cmd;
use async_trait::async_trait;
use mtan_verifier::{AuditEntry, AuditLog, AuditRecord, StoreError};

use super::{Certain, RedisStore, keys};
use crate::record::{self, AuditedRecord};

/// Id, and the one member with its name.
type RawEntry = (String, (String, Vec<u8>));

#[async_trait]
impl AuditLog for RedisStore {
    async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut step = self.shared.scripts.note.prepare_invoke();
        step.key(keys::AUDIT).arg(keep);
        for record in records {
            step.arg(record::write(&AuditedRecord::of(record)));
        }
        self.step(&step, Certain::Here).await
    }

    async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let end = before.unwrap_or("+");
        if before.is_some_and(|id| !is_id(id)) {
            return Ok(Vec::new());
        }
        // Ends with `end` itself: Redis 6.0 has no other way to say it.
        let mut look = cmd("XREVRANGE");
        look.arg(keys::AUDIT).arg(end).arg("-").arg("COUNT").arg(most.saturating_add(1));
        let raw: Vec<RawEntry> = self.look(&look).await?;
        let entry =
            |(id, (_, body)): RawEntry| record::audited(&id, &body).map(|record| AuditEntry { id, record });
        let older = raw.into_iter().filter(|(id, _)| before != Some(id.as_str())).take(most);
        Ok(older.filter_map(entry).collect())
    }
}

/// Milliseconds, a dash, a number.
fn is_id(text: &str) -> bool {
    let number = |part: &str| part.parse::<u64>().is_ok();
    text.split_once('-').is_some_and(|(millis, sequence)| number(millis) && number(sequence))
}
