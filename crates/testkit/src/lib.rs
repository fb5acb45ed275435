#![doc = include_str!("../README.md")]

pub mod browser;
mod door;
pub mod exim;
pub mod gateway;
mod http;
pub mod modem;
mod port;
pub mod process;
mod programs;
pub mod proxy;
pub mod rabbit;
pub mod redis;
pub mod smtp;
mod tether;
mod wait;

pub use port::free_port;
pub use programs::{find_program, require};
pub use wait::wait_until;
