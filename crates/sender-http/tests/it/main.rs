//! The provider against a gateway that misbehaves exactly as told, and the program around it.

mod daemon;
mod faults;
mod request;
mod support;
