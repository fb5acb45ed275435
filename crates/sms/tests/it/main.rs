//! PDUs as a phone reads them that shares nothing with this room but the standard.

mod long;
mod phone;
