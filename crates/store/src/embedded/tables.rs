//! The tables, and how a record is read from one.

use redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, TableError, Value};
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::record;

/// Serial → what only an administrator changes, JSON.
pub(super) const TOKENS: TableDefinition<&str, &[u8]> = TableDefinition::new("store/tokens");
/// Serial → what every try changes, JSON.
pub(super) const STATES: TableDefinition<&str, &[u8]> = TableDefinition::new("store/token-states");
/// (Realm, user, serial): whose tokens they are.
pub(super) const OWNED: TableDefinition<(&str, &str, &str), ()> = TableDefinition::new("store/owned");
/// How many tries counted on no token.
pub(super) const NOBODY: TableDefinition<(), u64> = TableDefinition::new("store/nobody");
/// Transaction → challenge, JSON.
pub(super) const CHALLENGES: TableDefinition<&str, &[u8]> = TableDefinition::new("store/challenges");
/// (Expiry in microseconds, transaction).
pub(super) const CHALLENGE_EXPIRY: TableDefinition<(i64, &str), ()> =
    TableDefinition::new("store/challenges-by-expiry");
/// Job id → sealed job, JSON.
pub(super) const OUTBOX: TableDefinition<&str, &[u8]> = TableDefinition::new("store/outbox");
/// Job id → when it is due, in microseconds.
pub(super) const OUTBOX_DUE: TableDefinition<&str, i64> = TableDefinition::new("store/outbox-due");
/// (Due in microseconds, job id).
pub(super) const OUTBOX_BY_DUE: TableDefinition<(i64, &str), ()> =
    TableDefinition::new("store/outbox-by-due");
/// Job id → reports and trail, JSON.
pub(super) const LEDGER: TableDefinition<&str, &[u8]> = TableDefinition::new("store/ledger");
/// (Last moment to keep it in microseconds, job id).
pub(super) const LEDGER_EXPIRY: TableDefinition<(i64, &str), ()> =
    TableDefinition::new("store/ledger-by-expiry");

/// Transaction → job id, as long as the job has its place in the ledger.
pub(super) const TRANSACTIONS: TableDefinition<&str, &str> = TableDefinition::new("store/transactions");

/// Name → what administrators set, sealed.
pub(super) const SETTINGS: TableDefinition<&str, &[u8]> = TableDefinition::new("store/settings");
/// How many changes of that there were.
pub(super) const SETTINGS_REVISION: TableDefinition<(), u64> =
    TableDefinition::new("store/settings-revision");
/// Number → audit record, JSON.
pub(super) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("store/audit");

/// The record under `key`; `kind` and key name it if it cannot be read.
pub(super) fn get<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    kind: &str,
    key: &str,
) -> Result<Option<T>, Fault> {
    match table.get(key)? {
        Some(body) => Ok(Some(record::read(&format!("{kind} {key}"), body.value())?)),
        None => Ok(None),
    }
}

/// The table for reading; `None` before the first write made it.
pub(super) fn open<K: Key + 'static, V: Value + 'static>(
    tx: &ReadTransaction,
    table: TableDefinition<K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>, Fault> {
    match tx.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The serials of an owner's tokens, in order; no owner has more than [`MOST_TOKENS`](mtan_verifier::MOST_TOKENS).
pub(super) fn owned(
    table: &impl ReadableTable<(&'static str, &'static str, &'static str), ()>,
    realm: &str,
    user: &str,
) -> Result<Vec<String>, Fault> {
    let mut serials = Vec::new();
    for row in table.range((realm, user, "")..)? {
        let (key, _) = row?;
        let (of_realm, of_user, serial) = key.value();
        if (of_realm, of_user) != (realm, user) {
            break;
        }
        serials.push(serial.to_owned());
    }
    Ok(serials)
}
