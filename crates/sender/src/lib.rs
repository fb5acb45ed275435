#![doc = include_str!("../README.md")]

mod afterwards;
mod breaker;
mod decide;
mod deliveries;
mod detail;
mod gate;
mod hand_over;
mod kind;
mod lineup;
mod one_job;
mod provider;
mod report;
mod roster;
mod run;
mod turnstile;
mod way;

pub mod certificates;
pub mod daemon;
pub mod keys;
pub mod metrics;
pub mod number;
pub mod tags;

pub use breaker::BreakerRules;
pub use decide::{PLAN, UnknownRule, WhileOpen};
pub use deliveries::{
    Callback, CallbackFace, CallbackState, Deliveries, ReadCallback, Readers, ReportTo,
    router as delivery_router,
};
pub use detail::{Detail, Secrets};
pub use gate::Breaker;
pub use kind::{ProviderKind, UnknownProvider};
pub use lineup::{Builds, Lineup};
pub use provider::{About, NoPlace, Place, Provider, Verdict};
pub use roster::{Exchanged, Fallen, Outfit, Roster};
pub use run::{Jitter, Rules, Sender, os_jitter};
pub use turnstile::Throttle;
pub use way::{Build, Way};
