#![doc = include_str!("../README.md")]

mod amqp;
mod embedded;
mod queue;
mod redis_claims;

pub use embedded::{DeadJob, embedded_claims, embedded_dead};
pub use queue::{Queue, QueueUrlError};
pub use redis_claims::redis_claims;
