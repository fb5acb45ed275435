#![doc = include_str!("../README.md")]

mod config;

pub mod gnokiirc;

pub use config::ModemConfig;
