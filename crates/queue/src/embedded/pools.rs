//! The pools that this process knows, and the bell of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mtan_jobs::Pool;
use tokio::sync::Notify;

/// A pool is known once somebody publishes to it by configuration or consumes from it.
#[derive(Default)]
pub(super) struct Pools(Mutex<HashMap<Pool, Arc<Notify>>>);

impl Pools {
    /// Makes the pool known; its bell.
    pub(super) fn open(&self, pool: &Pool) -> Arc<Notify> {
        Arc::clone(self.bells().entry(pool.clone()).or_default())
    }

    /// The bell of a pool that is known.
    pub(super) fn bell(&self, pool: &Pool) -> Option<Arc<Notify>> {
        self.bells().get(pool).cloned()
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<Pool, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
