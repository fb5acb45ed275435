//! The HTTP face over a real verifier and the embedded store, with the world around it under the test's hand.

#![allow(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod admin;
mod audit;
mod background;
mod bad_input;
mod clients;
mod daemon;
mod explain;
mod faults;
mod golden;
mod hand;
mod holes;
mod house;
mod observed;
mod openapi;
mod pages;
mod policies;
mod process;
mod report_wait;
mod running;
mod session;
mod settings;
mod socket;
mod system;
mod tokens;
mod users;
