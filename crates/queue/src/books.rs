//! What all senders of an installation write down together, in one place.

use std::sync::Arc;

use mtan_embedded::Embedded;
use mtan_jobs::{ClaimBook, DeliveryBook, RateBook};

use crate::{
    QueueUrlError, embedded_claims, embedded_deliveries, embedded_rates, redis_claims, redis_deliveries,
    redis_rates,
};

/// The books; they lie where the store lies.
#[derive(Clone)]
pub struct Books {
    /// What was handed over already.
    pub claims: Arc<dyn ClaimBook>,
    /// How fast the pools may be.
    pub rates: Arc<dyn RateBook>,
    /// Which delivery reports are awaited.
    pub deliveries: Arc<dyn DeliveryBook>,
}

impl Books {
    /// In the Redis at `url`, for several processes; see [`redis_claims`].
    ///
    /// # Errors
    /// The text is not the address of a Redis. One that is away is no error.
    pub fn redis(url: &str) -> Result<Books, QueueUrlError> {
        let (claims, rates) = (redis_claims(url)?, redis_rates(url)?);
        Ok(Books { claims, rates, deliveries: redis_deliveries(url)? })
    }

    /// In `file`, for this process.
    pub fn embedded(file: &Embedded) -> Books {
        let (claims, rates) = (embedded_claims(file), embedded_rates());
        Books { claims, rates, deliveries: embedded_deliveries(file) }
    }
}
