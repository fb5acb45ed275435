//! What a store promises: one suite for both, and what only one of them can be asked.

mod embedded;
mod fixtures;
mod suite;
