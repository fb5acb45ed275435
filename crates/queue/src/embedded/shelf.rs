//! Entries that are kept for a while: an id, what is known of it, and when it is forgotten. Two tables of the file.

use std::marker::PhantomData;

use jiff::Timestamp;
use mtan_embedded::EmbeddedError;
use mtan_jobs::ClaimError;
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Forgotten entries that one sweep takes out: more than a write adds, so the shelf shrinks to what it must keep.
const SWEEP: usize = 16;

/// Something with an end.
pub(super) trait Kept: Default + Serialize + DeserializeOwned {
    /// Microseconds since 1970.
    fn keep_until(&self) -> i64;

    /// What is over but not swept out yet counts no more.
    fn forget(&mut self, now: Timestamp) {
        if self.keep_until() <= now.as_microsecond() {
            *self = Self::default();
        }
    }
}

/// The names of both tables.
pub(super) struct Shelf<E> {
    /// Id → entry as JSON.
    entries: TableDefinition<'static, &'static str, &'static [u8]>,
    /// (Keep until, id): what is to be forgotten, soonest first.
    keep: TableDefinition<'static, (i64, &'static str), ()>,
    kind: PhantomData<E>,
}

impl<E: Kept> Shelf<E> {
    pub(super) const fn new(entries: &'static str, keep: &'static str) -> Shelf<E> {
        Shelf { entries: TableDefinition::new(entries), keep: TableDefinition::new(keep), kind: PhantomData }
    }

    /// Reads the entry, or an empty one, changes it and writes it where it changed.
    pub(super) fn change<T>(
        &self,
        tx: &WriteTransaction,
        id: &str,
        decide: impl FnOnce(&mut E) -> T,
    ) -> Result<T, redb::Error> {
        let old = self.read(tx, id)?;
        let mut entry: E = old.as_deref().map(parse).transpose()?.unwrap_or_default();
        let kept_until = entry.keep_until();
        let decided = decide(&mut entry);
        let new = serde_json::to_vec(&entry).expect("strings and numbers always serialise");
        if old.as_ref() != Some(&new) {
            tx.open_table(self.entries)?.insert(id, new.as_slice())?;
        }
        if old.is_none() || kept_until != entry.keep_until() {
            let mut keep = tx.open_table(self.keep)?;
            keep.remove((kept_until, id))?;
            keep.insert((entry.keep_until(), id), ())?;
        }
        Ok(decided)
    }

    /// The entry, without a write.
    pub(super) fn look(&self, tx: &ReadTransaction, id: &str) -> Result<Option<E>, redb::Error> {
        let entries = match tx.open_table(self.entries) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            entries => entries?,
        };
        let json = entries.get(id)?.map(|entry| entry.value().to_vec());
        json.as_deref().map(parse).transpose()
    }

    /// As [`Shelf::change`], but leaves alone what is not known.
    pub(super) fn change_known<T: Default>(
        &self,
        tx: &WriteTransaction,
        id: &str,
        decide: impl FnOnce(&mut E) -> T,
    ) -> Result<T, redb::Error> {
        if self.read(tx, id)?.is_none() { Ok(T::default()) } else { self.change(tx, id, decide) }
    }

    fn read(&self, tx: &WriteTransaction, id: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        Ok(tx.open_table(self.entries)?.get(id)?.map(|entry| entry.value().to_vec()))
    }

    /// Takes out entries whose time is over.
    pub(super) fn sweep(&self, tx: &WriteTransaction, now: Timestamp) -> Result<(), redb::Error> {
        let mut keep = tx.open_table(self.keep)?;
        let mut entries = tx.open_table(self.entries)?;
        for _ in 0..SWEEP {
            let Some((until, id)) = keep.first()?.map(|(key, _)| (key.value().0, key.value().1.to_owned()))
            else {
                break;
            };
            if until > now.as_microsecond() {
                break;
            }
            keep.remove((until, id.as_str()))?;
            entries.remove(id.as_str())?;
        }
        Ok(())
    }
}

/// Only entries are written, so only a damaged file has anything else.
fn parse<E: DeserializeOwned>(json: &[u8]) -> Result<E, redb::Error> {
    serde_json::from_slice(json).map_err(|_| redb::Error::Corrupted("queue: a kept entry is none".into()))
}

pub(super) fn answer<T>(written: Result<T, EmbeddedError>) -> Result<T, ClaimError> {
    written.map_err(|e| ClaimError(e.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mtan_embedded::Embedded;
    use redb::ReadableTableMetadata;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    struct Note {
        keep_until: i64,
        times: u32,
    }

    impl Kept for Note {
        fn keep_until(&self) -> i64 {
            self.keep_until
        }
    }

    const NOTES: Shelf<Note> = Shelf::new("notes", "notes/keep");

    /// How often the note was written before, as far as the shelf knows.
    async fn note(file: &Embedded, id: &str, now: Timestamp, keep_until: Timestamp) -> u32 {
        let id = id.to_owned();
        let written = file.write(move |tx| {
            NOTES.sweep(tx, now)?;
            NOTES.change(tx, &id, |note| {
                note.forget(now);
                note.keep_until = keep_until.as_microsecond();
                note.times += 1;
                note.times - 1
            })
        });
        written.await.unwrap()
    }

    #[tokio::test]
    async fn what_is_over_is_swept_out_and_counts_no_more_even_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = Embedded::open(&folder.path().join("notes.redb")).unwrap();
        let start = Timestamp::from_second(1_764_000_000).unwrap();
        let over = start + Duration::from_secs(10);
        for n in 0..3 * SWEEP {
            assert_eq!(note(&file, &format!("{n:02}"), start, over).await, 0);
        }
        let last = format!("{:02}", 3 * SWEEP - 1);
        assert_eq!(note(&file, &last, start, over).await, 1, "still known");
        // The last of them is not swept by this write yet; it must not count all the same.
        assert_eq!(note(&file, &last, over, over + Duration::from_secs(10)).await, 0);
        for _ in 0..3 {
            note(&file, &last, over, over).await;
        }
        let left =
            file.read(|tx| Ok((tx.open_table(NOTES.entries)?.len()?, tx.open_table(NOTES.keep)?.len()?)));
        assert_eq!(left.unwrap(), (1, 1));
    }
}
