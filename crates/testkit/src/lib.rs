#![doc = include_str!("../README.md")]

mod door;
pub mod gateway;
mod http;
mod port;
pub mod process;
mod programs;
pub mod proxy;
pub mod rabbit;
pub mod redis;
mod tether;
mod wait;

pub use port::free_port;
pub use programs::{find_program, require};
pub use wait::wait_until;
