//! One job, from its delivery to the end of its delivery: ask, decide, act.

use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{
    Again, Attempts, Claim, ClaimError, Delivery, JobId, Outcome, Owner, Poison, PoisonReason, Receipt,
    Reference, ReplyTo, ReportCode, SendJob, SettleError, Unknown,
};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::decide::{Finding, Standing, Step};
use crate::hand_over::{Lease, hand_over};
use crate::run::Postroom;
use crate::{Detail, metrics};

/// How long after a job's death its claim is remembered: a late duplicate must still find it.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The pause before a claim book that is away is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long a job is held in hand while the claim book is away; far below the broker's 30 minutes for an ack.
const HOLD: Duration = Duration::from_secs(5 * 60);

/// How long after somebody else's lease a job is looked at again.
const AFTER_LEASE: Duration = Duration::from_millis(500);

/// A body that can be reported on: it has an id.
pub(crate) struct Paper {
    pub(crate) id: JobId,
    pub(crate) reference: Option<Reference>,
    pub(crate) content: Content,
    pub(crate) attempts: Attempts,
    pub(crate) deadline: Timestamp,
    pub(crate) published_at: Option<Timestamp>,
    pub(crate) reply_to: Option<ReplyTo>,
}

pub(crate) enum Content {
    Job(SendJob),
    Poison(Poison),
}

impl Paper {
    pub(crate) fn keep_until(&self, now: Timestamp) -> Timestamp {
        self.deadline.max(now).saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX)
    }

    /// Lets go of the delivery for good.
    pub(crate) async fn close(&self, receipt: Box<dyn Receipt>) -> Result<(), SettleError> {
        match &self.content {
            Content::Job(_) => receipt.ack().await,
            Content::Poison(poison) => receipt.bury(poison).await,
        }
    }
}

/// What the claim book said in the end.
enum Asked {
    Answer(Claim),
    Away(ClaimError),
    Stopping,
}

impl Postroom {
    /// Takes a delivery through to its end; whatever fails on the way, the job is reported once or comes again.
    pub(crate) async fn handle(&self, delivery: Delivery) {
        let Delivery { body, attempts, published_at, reply_to, receipt, .. } = delivery;
        let now = self.clock.now();
        let (id, reference, deadline, content) = match SendJob::from_json(&body) {
            Ok(job) => {
                let deadline = job.deadline(published_at.unwrap_or(now));
                (job.id.clone(), job.reference.clone(), deadline, Content::Job(job))
            }
            Err(poison) => match poison.id.clone() {
                Some(id) => (id, poison.reference.clone(), now, Content::Poison(poison)),
                None => return self.bury_nameless(&poison, receipt).await,
            },
        };
        drop(body);
        let paper = Paper { id, reference, content, attempts, deadline, published_at, reply_to };
        self.work_on(&paper, receipt).await;
    }

    /// Claims first, whatever the job looks like: only who holds the claim knows that no other report was made.
    async fn work_on(&self, paper: &Paper, receipt: Box<dyn Receipt>) {
        let owner = self.new_owner();
        match self.ask(paper, &owner).await {
            Asked::Answer(Claim::Taken { unknowns }) => self.go_on(paper, &owner, unknowns, receipt).await,
            Asked::Answer(Claim::Settled { report, reported }) => {
                debug!(job.id = %paper.id, pool = %self.pool, "the job has its report: no second SMS");
                self.close_settled(paper, &report, reported, receipt).await;
            }
            Asked::Answer(Claim::Busy { until }) => {
                let lease = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
                self.later(paper, lease.saturating_add(AFTER_LEASE), receipt).await;
            }
            Asked::Away(e) => {
                warn!(job.id = %paper.id, pool = %self.pool, error = %e, "no claim, so no hand-over: later");
                self.later(paper, ASK_AGAIN, receipt).await;
            }
            Asked::Stopping => note(&paper.id, receipt.give_back().await),
        }
    }

    /// Asks for the claim until there is an answer. The job stays in hand meanwhile: so the slots fill, and an outage
    /// does not send the whole queue round in circles.
    async fn ask(&self, paper: &Paper, owner: &Owner) -> Asked {
        let asked_first = Instant::now();
        loop {
            let now = self.clock.now();
            let answer =
                self.claims.claim(&paper.id, owner, now, self.rules.lease, paper.keep_until(now)).await;
            match answer {
                Ok(claim) => return Asked::Answer(claim),
                Err(e) if asked_first.elapsed() >= HOLD => return Asked::Away(e),
                Err(e) => debug!(job.id = %paper.id, pool = %self.pool, error = %e, "no claim yet"),
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Asked::Stopping,
                () = sleep(ASK_AGAIN) => {}
            }
        }
    }

    /// The claim is ours: decides, hands over, and acts on what came of it.
    async fn go_on(&self, paper: &Paper, owner: &Owner, unknowns: u32, receipt: Box<dyn Receipt>) {
        // a claim that was taken over from somebody may still be settled by them
        let taken_over = if unknowns > 0 { Lease::Lost } else { Lease::Held };
        let job = match &paper.content {
            Content::Job(job) => job,
            Content::Poison(poison) => {
                return self.report(paper, owner, refused(paper, poison), taken_over, receipt).await;
            }
        };
        // this is the last look at the clock before the gateway gets the code
        if let Some(end) = self.standing(paper, job, unknowns).before_hand_over() {
            return self.report(paper, owner, end, taken_over, receipt).await;
        }
        let (verdict, lease) = hand_over(self, job, owner, paper.deadline).await;
        let lease = if lease == Lease::Lost { lease } else { taken_over };
        let why = verdict.code();
        match self.standing(paper, job, unknowns).after_hand_over(verdict, (self.jitter)()) {
            Step::Report(end) => self.report(paper, owner, end, lease, receipt).await,
            Step::Again { again, unknown } => self.again(job, owner, why, again, unknown, receipt).await,
        }
    }

    fn standing<'a>(&'a self, paper: &Paper, job: &'a SendJob, unknowns: u32) -> Standing<'a> {
        Standing {
            pool: &self.pool,
            route: &job.route,
            deadline: paper.deadline,
            now: self.clock.now(),
            attempts: paper.attempts,
            unknowns,
            rule: self.provider.unknown_rule(),
        }
    }

    /// Frees the claim first: the job may be back at once. A claim that cannot be freed lapses by itself, and the next
    /// try waits for it.
    async fn again(
        &self,
        job: &SendJob,
        owner: &Owner,
        why: ReportCode,
        again: Again,
        unknown: Unknown,
        receipt: Box<dyn Receipt>,
    ) {
        info!(
            job.id = %job.id, pool = %self.pool, to = %job.to, attempt = again.attempts.total, code = %why,
            next_pool = %again.pool, wait_ms = again.after.as_millis(), "another try"
        );
        metrics::retried(&self.pool, &again.pool);
        if let Err(e) = self.patiently(|| self.claims.release(&job.id, owner, unknown)).await {
            warn!(job.id = %job.id, pool = %self.pool, error = %e, "claim not freed: it lapses by itself");
        }
        note(&job.id, receipt.again(again).await);
    }

    /// The same job once more in this pool, no try lost.
    async fn later(&self, paper: &Paper, after: Duration, receipt: Box<dyn Receipt>) {
        let again = Again { pool: self.pool.clone(), after, attempts: paper.attempts };
        note(&paper.id, receipt.again(again).await);
    }

    /// A body without an id: nobody could be told.
    async fn bury_nameless(&self, poison: &Poison, receipt: Box<dyn Receipt>) {
        warn!(pool = %self.pool, reason = poison.reason.as_str(), faults = %poison.summary(), "buried a body without an id");
        if let Err(e) = receipt.bury(poison).await {
            debug!(pool = %self.pool, error = %e, "not buried: it comes again");
        }
    }
}

/// How a body ends that has an id and is no job.
fn refused(paper: &Paper, poison: &Poison) -> Finding {
    let code = match poison.reason {
        PoisonReason::UnknownVersion => ReportCode::UnknownVersion,
        _ => ReportCode::InvalidJob,
    };
    Finding {
        outcome: Outcome::Rejected,
        code,
        detail: Some(Detail::own(poison.summary())),
        gateway_id: None,
        attempts: paper.attempts.total,
    }
}

/// A delivery that could not be let go of comes again, and the claim book knows what was done.
pub(crate) fn note(id: &JobId, let_go: Result<(), SettleError>) {
    if let Err(e) = let_go {
        debug!(job.id = %id, error = %e, "not let go of: it comes again");
    }
}
