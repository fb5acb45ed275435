#![doc = include_str!("../README.md")]

mod config;

pub mod gnokiirc;
pub mod port;

pub use config::ModemConfig;
