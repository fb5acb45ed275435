//! The PDUs that go between a phone and the service centre, 3GPP TS 23.040.

mod address;
mod error;
mod reader;
pub(crate) mod septets;
mod status;
mod status_report;
mod submit;
mod time;
mod user_data;
mod validity;

pub use address::{Address, AddressError};
pub use error::PduError;
pub use status::DeliveryStatus;
pub use status_report::StatusReport;
pub use submit::{Submit, SubmitOptions};
pub use user_data::ConcatReference;
