//! The trail of one SMS, from the request to its delivery report: what an operator is told the day after.

use jiff::Timestamp;
use mtan_jobs::{JobId, Pool};

use crate::{LedgerEntry, Serial, StoreError, TransactionId, UserRef, Verifier};

/// What is noted as an SMS is asked for. No code, PIN or text; the number is masked already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The challenge.
    pub transaction: TransactionId,
    /// The token.
    pub serial: Serial,
    /// The token's owner at that time, if it had one.
    pub user: Option<UserRef>,
    /// Where the SMS goes, masked.
    pub to: String,
    /// The pools that may send it, in their order.
    pub route: Vec<Pool>,
    /// When the challenge was opened.
    pub at: Timestamp,
    /// The first moment at which the code does not count any more.
    pub expires_at: Timestamp,
    /// The first moment at which the trail is forgotten, unless a report comes later.
    pub keep_until: Timestamp,
}

/// How a challenge ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its code was used up by a right answer.
    Used,
    /// A later trigger opened another challenge.
    Replaced,
    /// An administrator changed the token.
    Changed,
    /// The user answered the challenge of another token that was opened with it.
    Sibling,
}

/// What is known of one SMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The job that carries it.
    pub job_id: JobId,
    /// How it was asked for; `None` for a job of another publisher.
    pub asked: Option<Asked>,
    /// When the broker confirmed the job, by the clock of the process that published it.
    pub confirmed_at: Option<Timestamp>,
    /// Whether the job lies in the outbox: promised, and not known to be confirmed.
    pub in_outbox: bool,
    /// Tries against the challenge that were not taken back and did not use it up: the last sixteen at least.
    pub tries: Vec<Timestamp>,
    /// What ended the challenge, and when. It may be later than its expiry, see [`Trail::fate`].
    pub end: Option<(End, Timestamp)>,
    /// Its reports.
    pub reports: LedgerEntry,
}

/// What became of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its code counts still.
    Open,
    /// Its time is over, and no right answer came.
    Expired,
    /// It ended before its time.
    Ended(End, Timestamp),
}

/// Whose trails are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailOf {
    /// One job, anybody's.
    Job(JobId),
    /// The job of a challenge; of a root, those of all its challenges.
    Transaction(TransactionId),
    /// The newest jobs of a token.
    Serial(Serial),
    /// The newest jobs of the tokens that the user has now.
    User(UserRef),
}

/// A job that the outbox may forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The job.
    pub job_id: JobId,
    /// When the broker confirmed it; `None` if it never did, and its time is over.
    pub confirmed_at: Option<Timestamp>,
}

impl End {
    /// Every value.
    pub const ALL: [End; 4] = [End::Used, End::Replaced, End::Changed, End::Sibling];

    /// The word for it in records and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Used => "used",
            End::Replaced => "replaced",
            End::Changed => "changed",
            End::Sibling => "sibling",
        }
    }
}

impl Trail {
    /// What became of the challenge as seen at `now`; `None` if there was none. A code that had expired already was
    /// ended by nothing else.
    pub fn fate(&self, now: Timestamp) -> Option<Fate> {
        let asked = self.asked.as_ref()?;
        Some(match self.end {
            Some((end, at)) if at < asked.expires_at => Fate::Ended(end, at),
            _ if now < asked.expires_at => Fate::Open,
            _ => Fate::Expired,
        })
    }
}

impl Verifier {
    /// What is known of the asked SMS, the newest first, at most `most`; empty if nothing is, or no longer.
    pub async fn explain(&self, of: &TrailOf, most: usize) -> Result<Vec<Trail>, StoreError> {
        // The outbox is told of confirms in bundles, a moment later. Looked at first: what is told of meanwhile, the
        // store knows when it is asked.
        let untold = self.settled.lock().expect("no panic while it is held").clone();
        let mut trails = self.store.trails(of, self.clock.now(), most).await?;
        if let TrailOf::User(user) = of {
            // The token may have changed hands: what it sent to another owner is not this one's.
            trails.retain(|trail| trail.asked.as_ref().is_some_and(|a| a.user.as_ref() == Some(user)));
        }
        for trail in &mut trails {
            if let Some(known) = untold.iter().find(|job| job.job_id == trail.job_id) {
                trail.confirmed_at = trail.confirmed_at.or(known.confirmed_at);
                trail.in_outbox = false;
            }
        }
        Ok(trails)
    }
}
