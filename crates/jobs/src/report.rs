//! A send report: what became of a job.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time::{format_time, parse_time};
use crate::{JobId, Pool, Reference, VERSION};

macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The value as it stands on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = ReportError;
            fn from_str(text: &str) -> Result<$name, ReportError> {
                $name::ALL.iter().copied().find(|v| v.as_str() == text).ok_or(ReportError::UnknownValue)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed!(
    /// What became of a job. Exactly one of the first four; `delivered`/`undelivered` may follow, published once.
    Outcome {
        /// The gateway took it.
        Accepted = "accepted",
        /// Permanent: the gateway refused it, or every pool of the route was tried.
        Rejected = "rejected",
        /// Its deadline passed before hand-over.
        Expired = "expired",
        /// Handed over, no answer, and the pool's rule forbids another try.
        Unknown = "unknown",
        /// A delivery report said that it reached the phone.
        Delivered = "delivered",
        /// A delivery report said that it did not.
        Undelivered = "undelivered",
    }
);

impl Outcome {
    /// True for the four that end a job, of which each job gets exactly one.
    pub fn is_final(self) -> bool {
        !matches!(self, Outcome::Delivered | Outcome::Undelivered)
    }
}

closed!(
    /// Why the outcome is what it is: a closed list. What an operator should do stands in `docs/report-codes.md`.
    ReportCode {
        /// The gateway took the SMS.
        GatewayAccepted = "gateway_accepted",
        /// The gateway answered with a refusal.
        GatewayRejected = "gateway_rejected",
        /// The gateway refused our credentials.
        GatewayAuthFailed = "gateway_auth_failed",
        /// The gateway could not be reached: no name, no route, connection refused or reset before the request.
        GatewayUnreachable = "gateway_unreachable",
        /// The gateway asks for patience (HTTP 429 and the like).
        GatewayBusy = "gateway_busy",
        /// The gateway failed in itself (HTTP 5xx and the like).
        GatewayError = "gateway_error",
        /// The request went out and no usable answer came back.
        NoAnswer = "no_answer",
        /// The gateway wants us elsewhere: redirects are not followed.
        RedirectRefused = "redirect_refused",
        /// The number itself was refused.
        NumberRejected = "number_rejected",
        /// The deadline passed before hand-over.
        Expired = "expired_before_hand_over",
        /// Retries and route are used up.
        AttemptsExhausted = "attempts_exhausted",
        /// The body is no job: a member is missing or wrong.
        InvalidJob = "invalid_job",
        /// The contract version of the job is not known here.
        UnknownVersion = "unknown_version",
        /// The sender before this one stopped in the middle of the hand-over.
        SenderLost = "sender_lost",
        /// A delivery report came.
        DeliveryReport = "delivery_report",
    }
);

/// Why a body is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// No JSON, or a member is missing or of another type.
    #[error("no send report: {0}")]
    Malformed(String),
    /// Outcome, code, name or time outside its closed set.
    #[error("a value outside its closed set")]
    UnknownValue,
    /// Another version of the contract.
    #[error("unknown version")]
    UnknownVersion,
}

/// What became of a job, published on `mtan.report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReport {
    /// The job.
    pub job_id: JobId,
    /// The publisher's own words from the job.
    pub reference: Option<Reference>,
    /// The pool that had it last.
    pub pool: Pool,
    /// The kind of provider: `http`, `smtp`, `modem`.
    pub provider: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub code: ReportCode,
    /// For people; never the text or the code.
    pub detail: Option<String>,
    /// The gateway's own id of the SMS.
    pub gateway_id: Option<String>,
    /// Hand-overs that were tried, over all pools.
    pub attempts: u32,
    /// Segments of the SMS; 0 where the job could not be read.
    pub segments: u8,
    /// When this was found.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u64,
    job_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    pool: String,
    provider: String,
    outcome: Outcome,
    code: ReportCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway_id: Option<String>,
    attempts: u32,
    #[serde(default)]
    segments: u8,
    at: String,
}

impl SendReport {
    /// The report as JSON, as it travels.
    pub fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            v: VERSION,
            job_id: self.job_id.to_string(),
            reference: self.reference.as_ref().map(ToString::to_string),
            pool: self.pool.to_string(),
            provider: self.provider.clone(),
            outcome: self.outcome,
            code: self.code,
            detail: self.detail.clone(),
            gateway_id: self.gateway_id.clone(),
            attempts: self.attempts,
            segments: self.segments,
            at: format_time(self.at),
        };
        serde_json::to_vec(&wire).expect("strings and numbers always serialise")
    }

    /// Reads a report; unknown members are ignored.
    pub fn from_json(body: &[u8]) -> Result<SendReport, ReportError> {
        let wire: Wire = serde_json::from_slice(body).map_err(|e| ReportError::Malformed(e.to_string()))?;
        if wire.v != VERSION {
            return Err(ReportError::UnknownVersion);
        }
        let name = |_| ReportError::UnknownValue;
        Ok(SendReport {
            job_id: wire.job_id.parse().map_err(name)?,
            reference: wire.reference.map(|r| r.parse()).transpose().map_err(name)?,
            pool: wire.pool.parse().map_err(name)?,
            provider: wire.provider,
            outcome: wire.outcome,
            code: wire.code,
            detail: wire.detail,
            gateway_id: wire.gateway_id,
            attempts: wire.attempts,
            segments: wire.segments,
            at: parse_time(&wire.at).ok_or(ReportError::UnknownValue)?,
        })
    }

    /// The routing key on `mtan.report`: `report.<pool>.<outcome>`.
    pub fn routing_key(&self) -> String {
        format!("report.{}.{}", self.pool, self.outcome)
    }
}
