#![doc = include_str!("../README.md")]

mod format;
mod gsm;
mod number;
mod pdu;
mod split;
mod text;
mod ussd;

pub use format::{CountryCode, NumberFormat, NumberFormatError};
pub use number::{PhoneNumber, PhoneNumberError};
pub use pdu::{
    Address, AddressError, ConcatReference, DeliveryStatus, PduError, StatusReport, Submit, SubmitOptions,
};
pub use text::{Alphabet, MAX_SEGMENTS, SmsText, SmsTextError};
pub use ussd::{TerminalCharset, ucs2_hex, ussd_packed, ussd_text};
