//! The contract's JSON Schema (draft 2020-12), as files under `schema/`; the tests hold them against the types.

/// Schema of a [`SendJob`](crate::SendJob).
pub const SEND_JOB: &str = include_str!("../schema/send-job.json");

/// Schema of a [`SendReport`](crate::SendReport).
pub const SEND_REPORT: &str = include_str!("../schema/send-report.json");
