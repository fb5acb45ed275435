#![doc = include_str!("../README.md")]

mod embedded;
mod record;
mod redis;

pub use embedded::{EmbeddedStore, embedded};
pub use redis::{RedisStore, StoreUrlError, redis};
