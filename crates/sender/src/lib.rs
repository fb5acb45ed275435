#![doc = include_str!("../README.md")]

mod decide;
mod detail;
mod hand_over;
mod kind;
mod one_job;
mod provider;
mod report;
mod run;
mod way;

pub mod certificates;
pub mod daemon;
pub mod keys;
pub mod metrics;
pub mod number;
pub mod tags;

pub use decide::{PLAN, UnknownRule};
pub use detail::Detail;
pub use kind::{ProviderKind, UnknownProvider};
pub use provider::{About, Provider, Verdict};
pub use run::{Jitter, Rules, Sender, os_jitter};
pub use way::{Build, Way};
