#![doc = include_str!("../README.md")]

mod amqp;
mod books;
mod embedded;
mod provided;
mod queue;
mod redis_claims;
mod redis_deliveries;
mod redis_link;
mod redis_rates;

pub use books::Books;
pub use embedded::{DeadJob, embedded_claims, embedded_dead, embedded_deliveries, embedded_rates};
pub use provided::{Announcement, Announcer, NoProviderKey, Provided, ProviderFeed, ProviderKey, SetPool};
pub use queue::{Queue, QueueUrlError};
pub use redis_claims::redis_claims;
pub use redis_deliveries::redis_deliveries;
pub use redis_rates::redis_rates;
