#![doc = include_str!("../README.md")]

mod config;
mod provider;
mod reply;
mod request;

pub use config::HttpConfig;
pub use provider::{BuildError, HttpProvider};
