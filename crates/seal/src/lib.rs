#![doc = include_str!("../README.md")]

mod digest;
mod key;
mod sealed;

pub use digest::Digest;
pub use key::{ServerKey, ServerKeyError};
pub use sealed::OpenError;
