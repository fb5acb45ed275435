//! What administrators set while the system runs: sealed values under names, and a revision that counts the changes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mtan_seal::ServerKey;
use zeroize::Zeroizing;

use crate::StoreError;

/// Everything that was set, as it is kept: the store sees no value in clear.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedSettings {
    /// How many changes there were; 0 before the first.
    pub revision: u64,
    /// Sealed values by name.
    pub values: BTreeMap<String, Vec<u8>>,
}

/// One name gets a value, or loses it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChange {
    /// Which; not empty.
    pub name: String,
    /// Its new value, sealed and not empty; `None` = it is not set any more.
    pub value: Option<Vec<u8>>,
}

/// Keeps what administrators set.
#[async_trait]
pub trait SettingsStore: Send + Sync + 'static {
    /// Everything, as of one moment.
    async fn settings(&self) -> Result<SealedSettings, StoreError>;

    /// The revision alone: it is asked for every few seconds.
    async fn settings_revision(&self) -> Result<u64, StoreError>;

    /// Makes `changes` together if the revision still is `seen`, and counts one further: the new revision. `None`: somebody
    /// else was faster, nothing was changed.
    async fn change_settings(&self, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, StoreError>;
}

/// Everything that was set, in clear. It holds gateway passwords: `Debug` shows names only.
#[derive(Clone, Default)]
pub struct OpenSettings {
    /// The revision.
    pub revision: u64,
    /// Values by name.
    pub values: BTreeMap<String, Zeroizing<String>>,
    /// Names whose values do not open: sealed with another server key, moved, or damaged.
    pub unreadable: Vec<String>,
}

/// A change in clear: the name, and its new value; `None` = it is not set any more.
pub type Change = (String, Option<Zeroizing<String>>);

/// The settings of an installation, for who holds its server key. Clones are the same.
#[derive(Clone)]
pub struct SettingsBook {
    store: Arc<dyn SettingsStore>,
    key: ServerKey,
}

impl SettingsBook {
    /// The settings in `store`, sealed with `key`.
    pub fn new(store: Arc<dyn SettingsStore>, key: ServerKey) -> SettingsBook {
        SettingsBook { store, key }
    }

    /// Everything. A value that does not open is named, and takes no other with it.
    pub async fn read(&self) -> Result<OpenSettings, StoreError> {
        let SealedSettings { revision, values } = self.store.settings().await?;
        let mut open = OpenSettings { revision, ..OpenSettings::default() };
        for (name, sealed) in values {
            match self.open(&name, &sealed) {
                Some(text) => drop(open.values.insert(name, text)),
                None => open.unreadable.push(name),
            }
        }
        Ok(open)
    }

    /// The revision.
    pub async fn revision(&self) -> Result<u64, StoreError> {
        self.store.settings_revision().await
    }

    /// Makes `changes` if the revision still is `seen`; see [`SettingsStore::change_settings`].
    pub async fn change(&self, seen: u64, changes: &[Change]) -> Result<Option<u64>, StoreError> {
        let seal = |(name, value): &Change| SealedChange {
            name: name.clone(),
            value: value.as_ref().map(|value| self.key.seal(&place(name), value.as_bytes())),
        };
        let changes: Vec<SealedChange> = changes.iter().map(seal).collect();
        self.store.change_settings(seen, &changes).await
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let plain = self.key.open(&place(name), sealed).ok()?;
        std::str::from_utf8(&plain).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

fn place(name: &str) -> String {
    format!("setting/{name}")
}

impl fmt::Debug for OpenSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        write!(f, "OpenSettings({}, {names:?})", self.revision)
    }
}

impl fmt::Debug for SealedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        write!(f, "SealedSettings({}, {names:?})", self.revision)
    }
}

impl fmt::Debug for SealedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.value.is_some() { "is set" } else { "goes" };
        write!(f, "SealedChange({:?} {what})", self.name)
    }
}
