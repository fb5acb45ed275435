#![doc = include_str!("../README.md")]

mod file;
mod writer;

pub use file::{Embedded, OpenError};
pub use writer::EmbeddedError;
