//! A send job: what an asker puts into the out-tray.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use mtan_sms::{PhoneNumber, SmsText};
use serde::Serialize;

use crate::time::format_time;
use crate::{JobId, Pool, Reference};

/// The version of the contract that this crate speaks, member `v` of jobs and reports.
pub const VERSION: u64 = 1;

/// How long a job lives that names no `expires_at`.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest life of a job: a later `expires_at` is taken as this. Claims are kept for as long as a job may live, so
/// without a bound any publisher could fill the claim book for good.
pub const MAX_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One SMS to be sent. Never carries a secret or a counter. `Debug` shows neither text nor code.
#[derive(Clone, PartialEq, Eq)]
pub struct SendJob {
    /// The dedupe key: the same id sent twice is one SMS.
    pub id: JobId,
    /// Where to, E.164.
    pub to: PhoneNumber,
    /// What to say.
    pub text: SmsText,
    /// The bare code, for gateway templates that name it (`<otp>`); without it `<otp>` means the text.
    pub otp: Option<String>,
    /// Pools in the order in which they are tried; empty = the pool it was published to.
    pub route: Vec<Pool>,
    /// No hand-over to any gateway after it; absent = [`DEFAULT_LIFE`] after publishing, and at most [`MAX_LIFE`] after it.
    pub expires_at: Option<Timestamp>,
    /// The publisher's own words, back in every report.
    pub reference: Option<Reference>,
}

#[derive(Serialize)]
struct Wire<'a> {
    v: u64,
    id: &'a str,
    to: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    otp: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    route: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
}

impl SendJob {
    /// The job as JSON, as it travels. Holds the text in clear: it is for the broker and for sealing, never for a log.
    pub fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            v: VERSION,
            id: self.id.as_str(),
            to: self.to.expose(),
            text: self.text.expose(),
            otp: self.otp.as_deref(),
            route: self.route.iter().map(Pool::as_str).collect(),
            expires_at: self.expires_at.map(format_time),
            reference: self.reference.as_ref().map(Reference::as_str),
        };
        serde_json::to_vec(&wire).expect("strings and numbers always serialise")
    }

    /// The pool to publish to first: the head of the route, else `default`.
    pub fn first_pool(&self) -> Pool {
        self.route.first().cloned().unwrap_or_else(Pool::default_pool)
    }

    /// When the job dies: `expires_at`, but at most [`MAX_LIFE`] after `published_at`; without it [`DEFAULT_LIFE`] after
    /// `published_at`. Where that time comes from somebody else, one that lies ahead must not be believed.
    pub fn deadline(&self, published_at: Timestamp) -> Timestamp {
        let after = |life: Duration| published_at.saturating_add(life).unwrap_or(Timestamp::MAX);
        self.expires_at.map_or_else(|| after(DEFAULT_LIFE), |expires_at| expires_at.min(after(MAX_LIFE)))
    }

    /// What a template's `<otp>` stands for: the bare code where the job names it, else the whole text.
    pub fn otp_or_text(&self) -> &str {
        self.otp.as_deref().unwrap_or_else(|| self.text.expose())
    }
}

impl fmt::Debug for SendJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendJob").field("id", &self.id).field("to", &self.to).finish_non_exhaustive()
    }
}
