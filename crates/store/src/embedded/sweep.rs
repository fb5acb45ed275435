//! Sweeping: what nobody can ask for any more goes, a bounded number of records with each write.

use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::fault::Fault;
use super::ledger::Reports;
use super::tables::{CHALLENGE_EXPIRY, CHALLENGES, LEDGER, LEDGER_EXPIRY, TRANSACTIONS, open};
use crate::record::{self, AskedRecord, GRACE, latest_over, micros};

/// With each trigger: it makes one record of a kind, so a few are enough to keep up.
pub(super) const IN_PASSING: usize = 8;
/// With each turn of the relay.
pub(super) const BY_THE_RELAY: usize = 512;

/// Whether there is anything to sweep.
pub(super) fn is_due(tx: &ReadTransaction, now: Timestamp) -> Result<bool, Fault> {
    for index in [CHALLENGE_EXPIRY, LEDGER_EXPIRY] {
        if let Some(index) = open(tx, index)? {
            let first = index.first()?;
            if first.is_some_and(|(key, _)| key.value().0 < micros(latest_over(now, GRACE))) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Removes up to `most` challenges and ledger entries whose time and grace are over.
pub(super) fn sweep(tx: &WriteTransaction, now: Timestamp, most: usize) -> Result<(), Fault> {
    sweep_one(tx, CHALLENGE_EXPIRY, CHALLENGES, now, most, |_| Ok(()))?;
    sweep_one(tx, LEDGER_EXPIRY, LEDGER, now, most, |body| forget_transaction(tx, body))
}

fn sweep_one(
    tx: &WriteTransaction,
    index: TableDefinition<(i64, &str), ()>,
    records: TableDefinition<&str, &[u8]>,
    now: Timestamp,
    most: usize,
    with_it: impl Fn(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut index = tx.open_table(index)?;
    let mut over = Vec::new();
    for row in index.range(..(micros(latest_over(now, GRACE)), ""))?.take(most) {
        let (key, _) = row?;
        over.push((key.value().0, key.value().1.to_owned()));
    }
    if over.is_empty() {
        return Ok(());
    }
    let mut records = tx.open_table(records)?;
    for (at, key) in &over {
        index.remove((*at, key.as_str()))?;
        if let Some(body) = records.remove(key.as_str())? {
            with_it(body.value())?;
        }
    }
    Ok(())
}

/// The way from a transaction to its job goes with the job's record. One that cannot be read leaves it behind, and
/// it leads nowhere.
fn forget_transaction(tx: &WriteTransaction, body: &[u8]) -> Result<(), Fault> {
    let reports = record::read::<Reports>("ledger entry", body).ok();
    let asked = reports.and_then(|reports| reports.trail.asked);
    if let Some(transaction) = asked.as_ref().map(AskedRecord::transaction) {
        tx.open_table(TRANSACTIONS)?.remove(transaction)?;
    }
    Ok(())
}
