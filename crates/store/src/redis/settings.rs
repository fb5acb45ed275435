//! What administrators set, in Redis: a hash of sealed values, and the number of changes.

use std::collections::BTreeMap;

use ::redis::cmd;
use async_trait::async_trait;
use mtan_verifier::{SealedChange, SealedSettings, SettingsStore, StoreError};

use super::{Certain, RedisStore, keys};

#[async_trait]
impl SettingsStore for RedisStore {
    async fn settings(&self) -> Result<SealedSettings, StoreError> {
        let mut step = self.shared.scripts.settings.prepare_invoke();
        step.key(keys::SETTINGS).key(keys::SETTINGS_REVISION);
        let (revision, values): (u64, BTreeMap<String, Vec<u8>>) = self.step(&step, Certain::Here).await?;
        Ok(SealedSettings { revision, values })
    }

    async fn settings_revision(&self) -> Result<u64, StoreError> {
        let mut look = cmd("GET");
        look.arg(keys::SETTINGS_REVISION);
        Ok(self.look::<Option<u64>>(&look).await?.unwrap_or_default())
    }

    async fn change_settings(&self, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, StoreError> {
        let mut step = self.shared.scripts.change_settings.prepare_invoke();
        step.key(keys::SETTINGS).key(keys::SETTINGS_REVISION).arg(seen);
        for SealedChange { name, value } in changes {
            step.arg(name).arg(value.as_deref().unwrap_or_default());
        }
        self.step(&step, Certain::OnReplicas).await
    }
}
