//! What a store promises: one suite for both, and what only one of them can be asked.

#![expect(clippy::unwrap_used, reason = "a test ends where it finds something else than expected")]

mod embedded;
mod fixtures;
mod redis;
mod suite;
