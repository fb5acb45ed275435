//! The claim book in the file: one entry a job, changed inside one write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_embedded::{Embedded, EmbeddedError};
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, SendReport, Unknown};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

/// Id → entry as JSON. Neither the entry nor the report in it holds a text or a code.
const CLAIMS: TableDefinition<&str, &[u8]> = TableDefinition::new("queue/claims");

/// (Keep until, id): what is to be forgotten, soonest first.
const KEEP: TableDefinition<(i64, &str), ()> = TableDefinition::new("queue/claims/keep");

/// Forgotten entries that one claim sweeps out: more than it can add, so the book shrinks to what it must keep.
const SWEEP: usize = 16;

/// The claim book in `file`. An entry is forgotten, and later swept out, once a claim comes after its `keep_until`.
pub fn embedded_claims(file: &Embedded) -> Arc<dyn ClaimBook> {
    Arc::new(EmbeddedClaims(file.clone()))
}

struct EmbeddedClaims(Embedded);

/// What the book knows of a job; times in microseconds since 1970.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    keep_until: i64,
    unknowns: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// The final report's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(default)]
    reported: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    owner: String,
    until: i64,
}

#[async_trait]
impl ClaimBook for EmbeddedClaims {
    async fn claim(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
        keep_until: Timestamp,
    ) -> Result<Claim, ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        let decide = move |tx: &WriteTransaction| {
            sweep(tx, now.as_microsecond())?;
            change(tx, &id, |entry| {
                entry.forget(now);
                entry.keep_until = entry.keep_until.max(keep_until.as_microsecond());
                entry.claim(&owner, now, lease)
            })
        };
        answer(self.0.write(decide).await)?
    }

    async fn renew(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        answer(self.0.write(move |tx| change_known(tx, &id, |entry| entry.renew(&owner, now, lease))).await)
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError> {
        let (id, owner) = (id.to_string(), owner.clone());
        answer(self.0.write(move |tx| change_known(tx, &id, |entry| entry.release(&owner, unknown))).await)
    }

    async fn settle(&self, report: &SendReport, keep_until: Timestamp) -> Result<(), ClaimError> {
        let id = report.job_id.to_string();
        let json = String::from_utf8_lossy(&report.to_json()).into_owned();
        let decide = move |tx: &WriteTransaction| {
            change(tx, &id, |entry| {
                entry.keep_until = entry.keep_until.max(keep_until.as_microsecond());
                entry.settle(json);
            })
        };
        answer(self.0.write(decide).await)
    }

    async fn reported(&self, id: &JobId) -> Result<(), ClaimError> {
        let id = id.to_string();
        answer(self.0.write(move |tx| change_known(tx, &id, |entry| entry.reported())).await)
    }
}

impl Entry {
    /// What is over but not swept out yet counts no more.
    fn forget(&mut self, now: Timestamp) {
        if self.keep_until <= now.as_microsecond() {
            *self = Entry::default();
        }
    }

    fn claim(&mut self, owner: &Owner, now: Timestamp, lease: Duration) -> Result<Claim, ClaimError> {
        if let Some(report) = &self.report {
            let report = SendReport::from_json(report.as_bytes()).map_err(|e| ClaimError(e.to_string()))?;
            return Ok(Claim::Settled { report, reported: self.reported });
        }
        match &self.holder {
            Some(holder) if holder.until <= now.as_microsecond() => self.unknowns += 1,
            // Somebody who did not hear the answer asks again.
            Some(holder) if holder.owner == owner.0 => {}
            Some(holder) => return Ok(Claim::Busy { until: time(holder.until) }),
            None => {}
        }
        self.holder = Some(Holder { owner: owner.0.clone(), until: end(now, lease) });
        Ok(Claim::Taken { unknowns: self.unknowns })
    }

    fn renew(&mut self, owner: &Owner, now: Timestamp, lease: Duration) -> bool {
        match &mut self.holder {
            // A lease that lapsed and that nobody took is still the owner's.
            Some(holder) if holder.owner == owner.0 => {
                holder.until = end(now, lease);
                true
            }
            _ => false,
        }
    }

    fn release(&mut self, owner: &Owner, unknown: Unknown) {
        if self.holder.as_ref().is_some_and(|holder| holder.owner == owner.0) {
            self.holder = None;
            self.unknowns += u32::from(unknown == Unknown::Yes);
        }
    }

    fn settle(&mut self, report: String) {
        self.report.get_or_insert(report);
        self.holder = None;
    }

    fn reported(&mut self) {
        self.reported = self.report.is_some();
    }
}

/// Reads the entry, or an empty one, changes it and writes it where it changed.
fn change<T>(
    tx: &WriteTransaction,
    id: &str,
    decide: impl FnOnce(&mut Entry) -> T,
) -> Result<T, redb::Error> {
    let old = read(tx, id)?;
    let mut entry: Entry = old.as_deref().map(parse).transpose()?.unwrap_or_default();
    let kept_until = entry.keep_until;
    let decided = decide(&mut entry);
    let new = serde_json::to_vec(&entry).expect("strings and numbers always serialise");
    if old.as_ref() != Some(&new) {
        tx.open_table(CLAIMS)?.insert(id, new.as_slice())?;
    }
    if old.is_none() || kept_until != entry.keep_until {
        let mut keep = tx.open_table(KEEP)?;
        keep.remove((kept_until, id))?;
        keep.insert((entry.keep_until, id), ())?;
    }
    Ok(decided)
}

/// As [`change`], but leaves alone what the book does not know.
fn change_known<T: Default>(
    tx: &WriteTransaction,
    id: &str,
    decide: impl FnOnce(&mut Entry) -> T,
) -> Result<T, redb::Error> {
    if read(tx, id)?.is_none() { Ok(T::default()) } else { change(tx, id, decide) }
}

fn read(tx: &WriteTransaction, id: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(tx.open_table(CLAIMS)?.get(id)?.map(|entry| entry.value().to_vec()))
}

/// Only entries are written, so only a damaged file has anything else.
fn parse(json: &[u8]) -> Result<Entry, redb::Error> {
    serde_json::from_slice(json).map_err(|_| redb::Error::Corrupted("queue: a claim is none".into()))
}

/// Takes out entries whose time is over.
fn sweep(tx: &WriteTransaction, now: i64) -> Result<(), redb::Error> {
    let mut keep = tx.open_table(KEEP)?;
    let mut claims = tx.open_table(CLAIMS)?;
    for _ in 0..SWEEP {
        let Some((until, id)) = keep.first()?.map(|(key, _)| (key.value().0, key.value().1.to_owned()))
        else {
            break;
        };
        if until > now {
            break;
        }
        keep.remove((until, id.as_str()))?;
        claims.remove(id.as_str())?;
    }
    Ok(())
}

fn answer<T>(written: Result<T, EmbeddedError>) -> Result<T, ClaimError> {
    written.map_err(|e| ClaimError(e.to_string()))
}

fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

fn end(now: Timestamp, lease: Duration) -> i64 {
    now.saturating_add(lease).unwrap_or(Timestamp::MAX).as_microsecond()
}

#[cfg(test)]
mod tests {
    use redb::ReadableTableMetadata;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_over_is_swept_out_and_counts_no_more_even_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("claims.redb")).unwrap();
        let book = embedded_claims(&file);
        let start = Timestamp::from_second(1_764_000_000).unwrap();
        let over = start + LEASE;
        let owner = |name: &str| Owner(name.to_owned());
        let id = |n: usize| format!("job-{n:02}").parse::<JobId>().unwrap();
        for n in 0..3 * SWEEP {
            book.claim(&id(n), &owner("a"), start, LEASE * 100, over).await.unwrap();
        }
        // The last of them is not swept by this claim yet; it must not be busy all the same.
        let last = book.claim(&id(3 * SWEEP - 1), &owner("b"), over, LEASE, over + LEASE).await;
        assert_eq!(last.unwrap(), Claim::Taken { unknowns: 0 });
        for _ in 0..3 {
            book.claim(&id(3 * SWEEP - 1), &owner("b"), over, LEASE, over).await.unwrap();
        }
        let left = file.read(|tx| Ok((tx.open_table(CLAIMS)?.len()?, tx.open_table(KEEP)?.len()?)));
        assert_eq!(left.unwrap(), (1, 1));
    }
}
