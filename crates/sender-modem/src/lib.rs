#![doc = include_str!("../README.md")]

mod config;

pub mod at;
pub mod codes;
pub mod gnokiirc;
pub mod port;

pub use config::ModemConfig;
