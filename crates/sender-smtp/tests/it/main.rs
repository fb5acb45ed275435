//! The provider against a mail server that misbehaves exactly as told, a real one, and the program around it.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod any;
mod daemon;
mod faults;
mod mail;
mod real;
mod secured;
mod sessions;
mod support;
