//! The rates of one process, in memory: the file is open in one process, and after its death a moment passes by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mtan_jobs::{Limit, Pool, RateBook, RateError, Turn};
use tokio::time::Instant;

/// Rates that the senders of this process share with nobody else.
pub fn embedded_rates() -> Arc<dyn RateBook> {
    Arc::new(EmbeddedRates { since: Instant::now(), next: Mutex::default() })
}

struct EmbeddedRates {
    /// The zero of its clock, which nobody can set.
    since: Instant,
    next: Mutex<HashMap<Pool, u64>>,
}

#[async_trait]
impl RateBook for EmbeddedRates {
    async fn take(&self, pool: &Pool, limit: &Limit, most: u32) -> Result<Turn, RateError> {
        let now = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(limit.take(next.entry(pool.clone()).or_default(), now, most))
    }
}
