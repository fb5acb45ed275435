//! The outbox in the file: an entry, when it is due, and an index by that.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_verifier::{Outbox, OutboxEntry, Settled, StoreError};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{OUTBOX, OUTBOX_BY_DUE, OUTBOX_DUE, get, open};
use super::{sweep, trails};
use crate::record::{self, EntryRecord, OUTBOX_GRACE, latest_over, micros};

#[async_trait]
impl Outbox for EmbeddedStore {
    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        // An idle relay asks every second: it must not cost a commit each time.
        if !self.look(|tx| Ok(is_due(tx, now)? || sweep::is_due(tx, now)?))? {
            return Ok(Vec::new());
        }
        self.step(move |tx| lease(tx, now, until, most)).await
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), StoreError> {
        let settled = settled.to_vec();
        self.step(move |tx| settled.iter().try_for_each(|job| settle(tx, job))).await
    }

    async fn depth(&self) -> Result<u64, StoreError> {
        self.look(|tx| Ok(open(tx, OUTBOX)?.map_or(Ok(0), |table| table.len())?))
    }
}

/// Keeps an entry that is due at `due`, part of a larger step.
pub(super) fn put(tx: &WriteTransaction, entry: &OutboxEntry, due: Timestamp) -> Result<(), Fault> {
    let id = entry.job_id.as_str();
    remove(tx, id)?;
    tx.open_table(OUTBOX)?.insert(id, &*record::write(&EntryRecord::of(entry)))?;
    put_due(tx, id, micros(due))
}

fn settle(tx: &WriteTransaction, job: &Settled) -> Result<(), Fault> {
    remove(tx, job.job_id.as_str())?;
    job.confirmed_at.map_or(Ok(()), |at| trails::confirm(tx, job.job_id.as_str(), at))
}

fn lease(
    tx: &WriteTransaction,
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<OutboxEntry>, Fault> {
    let mut taken = Vec::new();
    for id in due(tx, now, most)? {
        let record = get::<EntryRecord>(&tx.open_table(OUTBOX)?, "outbox entry", &id);
        match record.and_then(|r| Ok(r.map(|r| r.entry(&id)).transpose()?)) {
            // Nobody settled it in time: what cannot be opened or read must not lie here for ever.
            Ok(Some(entry)) if entry.expires_at < latest_over(now, OUTBOX_GRACE) => {
                tracing::error!(job.id = %id, "outbox entry dropped: long expired and never settled");
                remove(tx, &id)?;
            }
            Ok(Some(entry)) => {
                move_due(tx, &id, micros(until))?;
                taken.push(entry);
            }
            Ok(None) => remove(tx, &id)?,
            Err(Fault::Record(error)) => {
                // Kept: a newer mtan may have written it, and it was promised.
                tracing::error!(job.id = %id, %error, "outbox entry cannot be read");
                move_due(tx, &id, micros(until))?;
            }
            Err(fault) => return Err(fault),
        }
    }
    sweep::sweep(tx, now, sweep::BY_THE_RELAY)?;
    Ok(taken)
}

/// Up to `most` job ids that are due, the longest waiting first.
fn due(tx: &WriteTransaction, now: Timestamp, most: usize) -> Result<Vec<String>, Fault> {
    let index = tx.open_table(OUTBOX_BY_DUE)?;
    let mut ids = Vec::new();
    for row in index.range(..(micros(now).saturating_add(1), ""))?.take(most) {
        ids.push(row?.0.value().1.to_owned());
    }
    Ok(ids)
}

fn is_due(tx: &ReadTransaction, now: Timestamp) -> Result<bool, Fault> {
    let Some(index) = open(tx, OUTBOX_BY_DUE)? else { return Ok(false) };
    let first = index.first()?;
    Ok(first.is_some_and(|(key, _)| key.value().0 <= micros(now)))
}

fn put_due(tx: &WriteTransaction, id: &str, due: i64) -> Result<(), Fault> {
    tx.open_table(OUTBOX_DUE)?.insert(id, due)?;
    tx.open_table(OUTBOX_BY_DUE)?.insert((due, id), ())?;
    Ok(())
}

fn move_due(tx: &WriteTransaction, id: &str, due: i64) -> Result<(), Fault> {
    remove_due(tx, id)?;
    put_due(tx, id, due)
}

fn remove_due(tx: &WriteTransaction, id: &str) -> Result<(), Fault> {
    if let Some(due) = tx.open_table(OUTBOX_DUE)?.remove(id)? {
        tx.open_table(OUTBOX_BY_DUE)?.remove((due.value(), id))?;
    }
    Ok(())
}

/// Forgets an entry, part of a larger step.
pub(super) fn remove(tx: &WriteTransaction, id: &str) -> Result<(), Fault> {
    tx.open_table(OUTBOX)?.remove(id)?;
    remove_due(tx, id)
}
