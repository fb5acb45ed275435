//! The verifier's promises, over a store and a queue made of memory and a scheduler that interleaves on purpose.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod broker;
mod scheduler;
mod store;
mod world;

mod audit;
mod check;
mod enrol;
mod ledger;
mod lockout;
mod machine;
mod outages;
mod races;
mod reference;
mod relay;
mod secrecy;
mod several;
mod slow_pins;
mod trail;
mod trigger;
