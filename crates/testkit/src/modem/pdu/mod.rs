//! The network's side of 3GPP TS 23.040, written apart from our own codec: reads SMS-SUBMIT, writes SMS-STATUS-REPORT.

mod alphabet;
mod report;
mod submit;

pub use submit::{Concatenation, PduError, ReadSubmit, Validity};

pub(super) use alphabet::{from_ucs2, packed, to_septets};
pub(super) use report::{StatusReport, status_report};
