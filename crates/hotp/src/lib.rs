#![doc = include_str!("../README.md")]

mod algorithm;
mod digits;
mod generate;
mod secret;

pub use algorithm::{Algorithm, AlgorithmError};
pub use digits::{Digits, DigitsError};
pub use generate::{Otp, generate};
pub use secret::{Secret, SecretError};
