#![doc = include_str!("../README.md")]

mod format;
mod gsm;
mod number;
mod text;

pub use format::{CountryCode, NumberFormat, NumberFormatError};
pub use number::{PhoneNumber, PhoneNumberError};
pub use text::{Alphabet, MAX_SEGMENTS, SmsText, SmsTextError};
