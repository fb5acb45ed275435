//! What administrators set, in the file.

use async_trait::async_trait;
use mtan_verifier::{SealedChange, SealedSettings, SettingsStore, StoreError};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{SETTINGS, SETTINGS_REVISION, open};

#[async_trait]
impl SettingsStore for EmbeddedStore {
    async fn settings(&self) -> Result<SealedSettings, StoreError> {
        self.look(|tx| {
            let mut settings = SealedSettings { revision: revision(tx)?, ..SealedSettings::default() };
            if let Some(table) = open(tx, SETTINGS)? {
                for row in table.iter()? {
                    let (name, value) = row?;
                    settings.values.insert(name.value().to_owned(), value.value().to_owned());
                }
            }
            Ok(settings)
        })
    }

    async fn settings_revision(&self) -> Result<u64, StoreError> {
        self.look(revision)
    }

    async fn change_settings(&self, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, StoreError> {
        let changes = changes.to_vec();
        self.step(move |tx| change(tx, seen, &changes)).await
    }
}

fn revision(tx: &ReadTransaction) -> Result<u64, Fault> {
    let Some(table) = open(tx, SETTINGS_REVISION)? else { return Ok(0) };
    Ok(table.get(())?.map_or(0, |revision| revision.value()))
}

fn change(tx: &WriteTransaction, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, Fault> {
    let mut revisions = tx.open_table(SETTINGS_REVISION)?;
    if revisions.get(())?.map_or(0, |revision| revision.value()) != seen {
        return Ok(None);
    }
    let mut table = tx.open_table(SETTINGS)?;
    for SealedChange { name, value } in changes {
        match value {
            Some(value) => drop(table.insert(name.as_str(), value.as_slice())?),
            None => drop(table.remove(name.as_str())?),
        }
    }
    revisions.insert((), seen + 1)?;
    Ok(Some(seen + 1))
}
