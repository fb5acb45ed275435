//! How jobs and reports travel, and travel once: AMQP, or the embedded file.

mod amqp;
mod embedded;
mod queue;
mod redis_claims;

pub use embedded::{DeadJob, embedded_claims, embedded_dead};
pub use queue::{Queue, QueueUrlError};
pub use redis_claims::redis_claims;
