//! The dialogue, the set-up and the hand-over against simulated modems on real pseudo terminals.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod bench;
mod faults;
mod reports;
mod settings;
mod sim_card;
mod texts;
