//! Seam 1, the claim book: has this job been handed over already?
//!
//! A sender claims a job before it hands it to a gateway, holds the claim by a short lease that it renews while it
//! waits for the answer, and settles it with the report. Who finds a claim whose lease has lapsed knows that a
//! sender was lost in the middle of a hand-over: that is one `unknown`, and the pool's rule decides.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{JobId, SendReport};

/// Who holds a claim: a name that no other running sender has, not even the same job's next delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the book says to somebody who wants to hand a job over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The job is yours for the lease.
    Taken {
        /// Hand-overs before this one whose outcome nobody knows (no answer came, or the sender was lost).
        unknowns: u32,
    },
    /// Somebody is handing it over right now.
    Busy {
        /// When their lease ends, unless they renew it.
        until: Timestamp,
    },
    /// It has its final report.
    Settled {
        /// The report.
        report: SendReport,
        /// Whether the report is known to be published.
        reported: bool,
    },
}

/// The book is away or did not answer: nobody may hand over on a guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the claim book is away: {0}")]
pub struct ClaimError(pub String);

/// Has this job been handed over already? Every entry dies by itself at its `keep_until`.
#[async_trait]
pub trait ClaimBook: Send + Sync + 'static {
    /// Asks for the job. A lapsed lease counts one unknown and passes to the asker.
    async fn claim(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
        keep_until: Timestamp,
    ) -> Result<Claim, ClaimError>;

    /// Holds on to the claim for another `lease` from `now`; `false` if it is no longer the owner's.
    async fn renew(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, ClaimError>;

    /// Frees the claim for another try; `unknown` says that this one may have gone through.
    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError>;

    /// Keeps the final report; from now on nobody hands the job over again. The first report wins.
    async fn settle(&self, report: &SendReport, keep_until: Timestamp) -> Result<(), ClaimError>;

    /// Notes that the reports of these jobs were published, all in one call. What is not known, or has no report, is passed
    /// over; after an error any part of them may be noted.
    async fn reported(&self, ids: &[JobId]) -> Result<(), ClaimError>;
}

/// Whether a released hand-over may have gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It certainly did not.
    No,
    /// Nobody knows.
    Yes,
}
