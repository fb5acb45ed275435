#![doc = include_str!("../README.md")]

mod gsm;
mod number;
mod text;

pub use number::{PhoneNumber, PhoneNumberError};
pub use text::{Alphabet, MAX_SEGMENTS, SmsText, SmsTextError};
