#![doc = include_str!("../README.md")]

mod authorization;
mod callback;
mod client;
mod config;
mod digest;
mod path;
mod preview;
pub mod profile;
mod provider;
mod reply;
mod request;

pub use config::HttpConfig;
pub use provider::{BuildError, HttpProvider};
