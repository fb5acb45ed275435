//! The tables of the queue in the file, and every change to them as a step inside a write.
//!
//! `queue/jobs` holds each job once under its id, `queue/due/<pool>` the order of one pool: by due time, then by the
//! number that every change of place draws from `queue/sequence`. The length of the order is what a pool has waiting.

use jiff::Timestamp;
use mtan_jobs::{Attempts, Fault, JobId, Pool};
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableError, WriteTransaction,
};

/// Pool, due time, place in the sequence, tries in all and in the pool, time of publishing, sealed body.
type JobRow = (&'static str, i64, u64, u32, u32, i64, &'static [u8]);

/// Id, pool, reason, faults as JSON, tries in all and in the pool, time of publishing, sealed body.
type DeadRow = (&'static str, &'static str, &'static str, &'static str, u32, u32, i64, &'static [u8]);

const JOBS: TableDefinition<&str, JobRow> = TableDefinition::new("queue/jobs");
const DEAD: TableDefinition<(i64, u64), DeadRow> = TableDefinition::new("queue/dead");
const SEQUENCE: TableDefinition<&str, u64> = TableDefinition::new("queue/sequence");
const REPORTS: TableDefinition<u64, &[u8]> = TableDefinition::new("queue/reports");

/// Dead jobs that are kept; beyond it the oldest goes.
const MAX_DEAD: u64 = 10_000;

/// A job as it lies in the file; times in microseconds since 1970.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) pool: Pool,
    /// Not before this time.
    pub(super) due: i64,
    pub(super) attempts: Attempts,
    pub(super) published_at: i64,
    pub(super) sealed: Vec<u8>,
}

/// What became of a job, or report, that wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insert {
    Stored,
    /// A job of this id is queued already: they are one.
    Already,
    Full,
}

/// Why a job is buried.
pub(super) struct Epitaph {
    pub(super) reason: String,
    pub(super) faults: Vec<Fault>,
}

/// A job that will never be sent, as an operator may see it: without its body, which stays sealed in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// The job's id.
    pub id: JobId,
    /// The pool that had it last.
    pub pool: Pool,
    /// Why, for machines: a [`mtan_jobs::PoisonReason`], or `unreadable` for a body that does not open.
    pub reason: String,
    /// Every fault, for people.
    pub faults: Vec<Fault>,
    /// Tries that lay behind it.
    pub attempts: Attempts,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it was buried.
    pub buried_at: Timestamp,
}

fn order_name(pool: &str) -> String {
    format!("queue/due/{pool}")
}

/// `due/<pool>`: (due time, sequence) → id.
fn order(name: &str) -> TableDefinition<'_, (i64, u64), &'static str> {
    TableDefinition::new(name)
}

fn draw(tx: &WriteTransaction) -> Result<u64, redb::Error> {
    let mut table = tx.open_table(SEQUENCE)?;
    let next = table.get("last")?.map_or(0, |last| last.value()) + 1;
    table.insert("last", next)?;
    Ok(next)
}

/// Puts a job behind all that are due with it or before it, if its pool has fewer than `bound` waiting.
pub(super) fn insert(tx: &WriteTransaction, row: &Row, bound: u64) -> Result<Insert, redb::Error> {
    if tx.open_table(JOBS)?.get(row.id.as_str())?.is_some() {
        return Ok(Insert::Already);
    }
    if tx.open_table(order(&order_name(row.pool.as_str())))?.len()? >= bound {
        return Ok(Insert::Full);
    }
    place(tx, row)?;
    Ok(Insert::Stored)
}

fn place(tx: &WriteTransaction, row: &Row) -> Result<(), redb::Error> {
    let sequence = draw(tx)?;
    let pool = row.pool.as_str();
    let Attempts { total, in_pool } = row.attempts;
    let value = (pool, row.due, sequence, total, in_pool, row.published_at, row.sealed.as_slice());
    tx.open_table(JOBS)?.insert(row.id.as_str(), value)?;
    tx.open_table(order(&order_name(pool)))?.insert((row.due, sequence), row.id.as_str())?;
    Ok(())
}

/// Takes a job out; `None` if it is gone already.
pub(super) fn remove(tx: &WriteTransaction, id: &str) -> Result<Option<Row>, redb::Error> {
    let (row, sequence) = {
        let mut jobs = tx.open_table(JOBS)?;
        let Some(found) = jobs.remove(id)? else { return Ok(None) };
        (row(id, found.value())?, found.value().2)
    };
    tx.open_table(order(&order_name(row.pool.as_str())))?.remove((row.due, sequence))?;
    Ok(Some(row))
}

/// Puts a job to another place. A job on its way is never refused by a full pool: it is in the house already.
pub(super) fn replace(
    tx: &WriteTransaction,
    id: &str,
    pool: Pool,
    due: i64,
    attempts: Attempts,
) -> Result<(), redb::Error> {
    let Some(row) = remove(tx, id)? else { return Ok(()) };
    place(tx, &Row { pool, due, attempts, ..row })
}

/// Moves a job to the dead, its body sealed as it was.
pub(super) fn bury(tx: &WriteTransaction, id: &str, why: &Epitaph, at: i64) -> Result<(), redb::Error> {
    let Some(row) = remove(tx, id)? else { return Ok(()) };
    let key = (at, draw(tx)?);
    let mut dead = tx.open_table(DEAD)?;
    if dead.len()? >= MAX_DEAD {
        dead.pop_first()?;
    }
    let faults = faults_to_json(&why.faults);
    let Attempts { total, in_pool } = row.attempts;
    let pool = row.pool.as_str();
    let sealed = row.sealed.as_slice();
    dead.insert(
        key,
        (id, pool, why.reason.as_str(), faults.as_str(), total, in_pool, row.published_at, sealed),
    )?;
    Ok(())
}

/// The first job of `pool` that is due and free, else when the first that is free will be due.
pub(super) fn first(
    tx: &ReadTransaction,
    pool: &Pool,
    now: i64,
    free: &dyn Fn(&String) -> bool,
) -> Result<First, redb::Error> {
    let name = order_name(pool.as_str());
    let Some(waiting) = absent_is_none(tx.open_table(order(&name)))? else { return Ok(First::Nothing) };
    for entry in waiting.iter()? {
        let (key, id) = entry?;
        let id = id.value().to_owned();
        if !free(&id) {
            continue;
        }
        let (due, _) = key.value();
        if due > now {
            return Ok(First::Later(due));
        }
        let Some(found) = tx.open_table(JOBS)?.get(id.as_str())? else { continue };
        return Ok(First::Job(row(&id, found.value())?));
    }
    Ok(First::Nothing)
}

/// What stands first in a pool.
pub(super) enum First {
    Job(Row),
    /// Nothing is due before this time.
    Later(i64),
    Nothing,
}

fn row(id: &str, value: <JobRow as redb::Value>::SelfType<'_>) -> Result<Row, redb::Error> {
    let (pool, due, _, total, in_pool, published_at, sealed) = value;
    let id = id.to_owned();
    Ok(Row {
        id,
        pool: known_pool(pool)?,
        due,
        attempts: Attempts { total, in_pool },
        published_at,
        sealed: sealed.to_vec(),
    })
}

/// Only pools are written, so only a damaged file has anything else.
fn known_pool(name: &str) -> Result<Pool, redb::Error> {
    name.parse().map_err(|_| redb::Error::Corrupted("queue: a pool's name is none".into()))
}

/// The dead, oldest first.
pub(super) fn dead(tx: &ReadTransaction) -> Result<Vec<DeadJob>, redb::Error> {
    let Some(dead) = absent_is_none(tx.open_table(DEAD))? else { return Ok(Vec::new()) };
    let read = |(key, value): (redb::AccessGuard<'_, (i64, u64)>, redb::AccessGuard<'_, DeadRow>)| {
        let (id, pool, reason, faults, total, in_pool, published_at, _) = value.value();
        let id = id.parse().map_err(|_| redb::Error::Corrupted("queue: a job's id is none".into()))?;
        Ok(DeadJob {
            id,
            pool: known_pool(pool)?,
            reason: reason.to_owned(),
            faults: faults_from_json(faults),
            attempts: Attempts { total, in_pool },
            published_at: time(published_at),
            buried_at: time(key.value().0),
        })
    };
    dead.iter()?.map(|entry| read(entry?)).collect()
}

fn faults_to_json(faults: &[Fault]) -> String {
    let pairs: Vec<_> = faults.iter().map(|f| (&f.pointer, &f.message)).collect();
    serde_json::to_string(&pairs).expect("strings always serialise")
}

fn faults_from_json(text: &str) -> Vec<Fault> {
    let pairs: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    pairs.into_iter().map(|(pointer, message)| Fault { pointer, message }).collect()
}

/// Appends a report, if fewer than `bound` wait.
pub(super) fn insert_report(tx: &WriteTransaction, body: &[u8], bound: u64) -> Result<Insert, redb::Error> {
    let number = draw(tx)?;
    let mut reports = tx.open_table(REPORTS)?;
    if reports.len()? >= bound {
        return Ok(Insert::Full);
    }
    reports.insert(number, body)?;
    Ok(Insert::Stored)
}

/// Forgets a report.
pub(super) fn remove_report(tx: &WriteTransaction, number: u64) -> Result<(), redb::Error> {
    tx.open_table(REPORTS)?.remove(number)?;
    Ok(())
}

/// The oldest report that is free, and its number.
pub(super) fn first_report(
    tx: &ReadTransaction,
    free: &dyn Fn(&u64) -> bool,
) -> Result<Option<(u64, Vec<u8>)>, redb::Error> {
    let Some(reports) = absent_is_none(tx.open_table(REPORTS))? else { return Ok(None) };
    for entry in reports.iter()? {
        let (number, body) = entry?;
        if free(&number.value()) {
            return Ok(Some((number.value(), body.value().to_vec())));
        }
    }
    Ok(None)
}

/// A table that nobody has written yet is empty.
pub(super) fn absent_is_none<T>(opened: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The time behind a stored number of microseconds.
pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use mtan_embedded::Embedded;

    use super::*;

    #[tokio::test]
    async fn the_dead_are_kept_up_to_a_bound_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("queue.redb")).unwrap();
        let all = i64::try_from(MAX_DEAD).unwrap() + 2;
        file.write(move |tx| {
            for n in 0..all {
                let row = Row {
                    id: format!("job-{n}"),
                    pool: Pool::default_pool(),
                    due: n,
                    attempts: Attempts::default(),
                    published_at: n,
                    sealed: vec![1],
                };
                assert_eq!(insert(tx, &row, 1)?, Insert::Stored, "a buried job waits no more");
                bury(tx, &row.id, &Epitaph { reason: "invalid_job".into(), faults: Vec::new() }, n)?;
            }
            Ok(())
        })
        .await
        .unwrap();
        let dead = file.read(dead).unwrap();
        assert_eq!(u64::try_from(dead.len()).unwrap(), MAX_DEAD);
        assert_eq!(dead[0].id.as_str(), "job-2");
        assert_eq!(dead[dead.len() - 1].id.as_str(), format!("job-{}", all - 1));
    }
}
