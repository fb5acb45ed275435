#![doc = include_str!("../README.md")]

mod amqp;
mod embedded;
mod queue;
mod redis_claims;
mod redis_deliveries;
mod redis_link;

pub use embedded::{DeadJob, embedded_claims, embedded_dead, embedded_deliveries};
pub use queue::{Queue, QueueUrlError};
pub use redis_claims::redis_claims;
pub use redis_deliveries::redis_deliveries;
