//! The audit log in the file: numbered records; the oldest make room.

use async_trait::async_trait;
use mtan_verifier::{AuditEntry, AuditLog, AuditRecord, StoreError};
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{AUDIT, open};
use crate::record::{self, AuditedRecord};

#[async_trait]
impl AuditLog for EmbeddedStore {
    async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError> {
        let bodies: Vec<_> = records.iter().map(|r| record::write(&AuditedRecord::of(r))).collect();
        if bodies.is_empty() {
            return Ok(());
        }
        self.step(move |tx| note(tx, &bodies, keep)).await
    }

    async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let before = match before.map(str::parse::<u64>) {
            None => u64::MAX,
            Some(Ok(before)) => before,
            Some(Err(_)) => return Ok(Vec::new()),
        };
        self.look(|tx| {
            let Some(table) = open(tx, AUDIT)? else { return Ok(Vec::new()) };
            let mut entries = Vec::new();
            for row in table.range(..before)?.rev().take(most) {
                let (number, body) = row?;
                let id = number.value().to_string();
                entries.extend(record::audited(&id, body.value()).map(|record| AuditEntry { id, record }));
            }
            Ok(entries)
        })
    }
}

fn note(tx: &WriteTransaction, bodies: &[Vec<u8>], keep: u64) -> Result<(), Fault> {
    let mut table = tx.open_table(AUDIT)?;
    let last = table.last()?.map(|(number, _)| number.value());
    let first = last.map_or(1, |last| last.saturating_add(1));
    for (number, body) in (first..).zip(bodies) {
        table.insert(number, &**body)?;
    }
    while table.len()? > keep {
        table.pop_first()?;
    }
    Ok(())
}
