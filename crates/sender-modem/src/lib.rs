#![doc = include_str!("../README.md")]

mod config;
mod label;
pub mod metrics;
mod modem;
mod pins;
mod pool;
mod provider;
mod reports;
mod watch;
mod words;

pub mod at;
pub mod codes;
pub mod desk;
pub mod gnokiirc;
pub mod port;
pub mod set_up;
pub mod submit;
pub mod ussd;

pub use config::ModemConfig;
pub use provider::ModemProvider;
