//! The provider against a gateway that misbehaves exactly as told, and the program around it.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod alphabet;
mod bodies;
mod certified;
mod contracts;
mod daemon;
mod digest;
mod faults;
mod refusals;
mod request;
mod support;
mod time_outs;
mod tls;
