//! PDUs as a phone reads them that shares nothing with this room but the standard.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod long;
mod phone;
