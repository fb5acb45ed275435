#![doc = include_str!("../README.md")]

mod embedded;
mod record;

pub use embedded::{EmbeddedStore, embedded};
