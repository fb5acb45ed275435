#![doc = include_str!("../README.md")]

mod config;
mod line;
mod message;
mod pool;
mod preview;
mod provider;
mod reply;
mod session;

pub use config::SmtpConfig;
pub use provider::SmtpProvider;
