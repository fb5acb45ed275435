#![doc = include_str!("../README.md")]

mod config;

pub mod at;
pub mod codes;
pub mod gnokiirc;
pub mod port;
pub mod set_up;
pub mod submit;
pub mod ussd;

pub use config::ModemConfig;
