//! One job, from its delivery to the end of its delivery: ask, decide, act.

use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{
    Again, AgainError, Attempts, Awaited, Claim, ClaimError, Delivery, JobId, Outcome, Owner, Poison,
    PoisonReason, Receipt, Reference, ReplyTo, ReportCode, SendJob, SettleError, Unknown,
};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::breaker::Sign;
use crate::decide::{Finding, Standing, Step, behind};
use crate::hand_over::{Lease, hand_over};
use crate::run::Postroom;
use crate::turnstile::{NoTurn, Permit};
use crate::{Detail, NoPlace, Place, ReportTo, metrics};

/// How long after a job's death its claim is remembered: a late duplicate must still find it.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The pause before a claim book that is away is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long a job is held in hand while the claim book or the rate is away, or while it waits for its turn; far below the broker's 30 minutes for an ack.
const HOLD: Duration = Duration::from_secs(5 * 60);

/// The longest time for which a job that would wait too long in hand is put back, before it is looked at again.
const AWAY: Duration = Duration::from_secs(60);

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

/// How a job finds the way out, before it is claimed: who waits holds no claim, so a death while waiting is no unknown.
enum Way {
    /// There is room for it, and its turn has come.
    Free(Permit, Place),
    /// It is not asked for: the job will not be handed over, whatever else becomes of it.
    Unasked,
    /// The breaker lets nobody through.
    Shut,
    /// Its turn would come too late.
    TooLate,
    /// It has been in hand for too long, or would be: again after this.
    Held(Duration),
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

    /// Claims first, whatever the job looks like: only who holds the claim knows that no other report was made. What is
    /// to be handed over has waited for its turn before that.
    async fn work_on(&self, paper: &Paper, receipt: Box<dyn Receipt>) {
        let owner = self.new_owner();
        loop {
            let way = self.way(paper).await;
            match &way {
                Way::Stopping => return note(&paper.id, receipt.give_back().await),
                Way::Held(after) => return self.later(paper, *after, receipt).await,
                Way::Free(..) | Way::Unasked | Way::Shut | Way::TooLate => {}
            }
            match self.ask(paper, &owner).await {
                Asked::Answer(Claim::Taken { .. }) if matches!(&way, Way::Free(turn, _) if !turn.is_fresh()) =>
                {
                    self.release(&paper.id, &owner, Unknown::No).await;
                }
                Asked::Answer(Claim::Taken { unknowns }) => {
                    return self.go_on(paper, &owner, unknowns, way, receipt).await;
                }
                Asked::Answer(Claim::Settled { report, reported }) => {
                    debug!(job.id = %paper.id, pool = %self.pool, "the job has its report: no second SMS");
                    return self.close_settled(paper, &report, reported, receipt).await;
                }
                Asked::Answer(Claim::Busy { until }) => {
                    let lease =
                        Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
                    return self.later(paper, lease.saturating_add(AFTER_LEASE), receipt).await;
                }
                Asked::Away(e) => {
                    warn!(job.id = %paper.id, pool = %self.pool, error = %e, "no claim, so no hand-over: later");
                    return self.later(paper, ASK_AGAIN, receipt).await;
                }
                Asked::Stopping => return note(&paper.id, receipt.give_back().await),
            }
        }
    }

    /// Waits for the job's turn to go out. One that has another way waits for half of the life that it has left.
    async fn way(&self, paper: &Paper) -> Way {
        let Content::Job(job) = &paper.content else { return Way::Unasked };
        let left = Duration::try_from(paper.deadline.duration_since(self.clock.now())).unwrap_or_default();
        if left.is_zero() {
            return Way::Unasked;
        }
        let alone = behind(&job.route, &self.pool).is_none();
        let patience = if alone { left } else { left / 2 };
        let came = Instant::now();
        let mut stand = self.breaker.watch();
        loop {
            stand.mark_unchanged();
            if self.breaker.shut_for().is_some() {
                return Way::Shut;
            }
            let held = HOLD.saturating_sub(came.elapsed());
            let waits = patience.saturating_sub(came.elapsed()).min(held);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Way::Stopping,
                _ = stand.changed() => {}
                turn = self.room_and_turn(waits, alone) => match turn {
                    Ok((turn, place)) => return Way::Free(turn, place),
                    Err(NoTurn::OutOfOrder) => return Way::TooLate,
                    Err(NoTurn::TooLate { .. }) if waits < held => return Way::TooLate,
                    Err(NoTurn::TooLate { wait }) => return Way::Held(wait.clamp(ASK_AGAIN, AWAY)),
                    Err(NoTurn::Away(e)) if held.is_zero() => {
                        warn!(job.id = %paper.id, pool = %self.pool, error = %e, "no turn, so no hand-over: later");
                        return Way::Held(ASK_AGAIN);
                    }
                    Err(NoTurn::Away(e)) => debug!(job.id = %paper.id, pool = %self.pool, error = %e, "no turn yet"),
                },
            }
        }
    }

    /// Room first: a turn would grow old while its job waits for room.
    async fn room_and_turn(&self, waits: Duration, alone: bool) -> Result<(Permit, Place), NoTurn> {
        let came = Instant::now();
        let place = self.place(came + waits, alone).await?;
        Ok((self.turn(waits.saturating_sub(came.elapsed())).await?, place))
    }

    /// A way out that is out of order is waited for where there is no other.
    async fn place(&self, until: Instant, alone: bool) -> Result<Place, NoTurn> {
        loop {
            let patience = until.saturating_duration_since(Instant::now());
            match self.provider.place(patience).await {
                Ok(place) => return Ok(place),
                Err(NoPlace::OutOfOrder) if !alone => return Err(NoTurn::OutOfOrder),
                Err(NoPlace::OutOfOrder) if !patience.is_zero() => sleep(ASK_AGAIN.min(patience)).await,
                Err(NoPlace::OutOfOrder | NoPlace::Late) => {
                    return Err(NoTurn::TooLate { wait: Duration::ZERO });
                }
            }
        }
    }

    /// One question for a turn; after one that could not be asked, a pause.
    async fn turn(&self, waits: Duration) -> Result<Permit, NoTurn> {
        let turn = self.turnstile.turn(&self.pool, waits).await;
        if matches!(turn, Err(NoTurn::Away(_))) {
            sleep(ASK_AGAIN).await;
        }
        turn
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
    async fn go_on(&self, paper: &Paper, owner: &Owner, unknowns: u32, way: Way, receipt: Box<dyn Receipt>) {
        // a claim that was taken over from somebody may still be settled by them
        let taken_over = if unknowns > 0 { Lease::Lost } else { Lease::Held };
        let job = match &paper.content {
            Content::Job(job) => job,
            Content::Poison(poison) => {
                return self.report(paper, owner, refused(paper, poison), taken_over, receipt).await;
            }
        };
        let late = matches!(way, Way::TooLate);
        let place = match way {
            Way::Free(_, place) => Some(place),
            _ => None,
        };
        let report_to = if place.is_some() { self.report_to(paper, job).await } else { None };
        // this is the last look at the clock before the gateway gets the code
        let standing = self.standing(paper, job, unknowns);
        if let Some(end) = standing.before_hand_over() {
            return self.report(paper, owner, end, taken_over, receipt).await;
        }
        let pass = place.as_ref().and_then(|_| self.breaker.enter());
        let Some(pass) = pass else {
            let chance = (self.jitter)();
            let why = if late { "throttled" } else { "breaker_open" };
            let decide = |standing: &Standing<'_>| {
                if late { standing.too_late() } else { standing.while_shut(self.rules.while_open, chance) }
            };
            return self.act(paper, job, owner, why, unknowns, decide, taken_over, receipt).await;
        };
        let (verdict, lease) = hand_over(self, job, owner, paper.deadline, report_to.as_ref()).await;
        drop(place); // its room is free for the next one
        // without a sign the leave is given back: the next job may be the probe
        if let Some(sign) = Sign::of(&verdict, self.clock.now() >= paper.deadline) {
            pass.used(sign);
        } else {
            drop(pass);
        }
        let lease = if lease == Lease::Lost { lease } else { taken_over };
        let why = verdict.code();
        let chance = (self.jitter)();
        let decide = |standing: &Standing<'_>| standing.after_hand_over(verdict.clone(), chance);
        self.act(paper, job, owner, why.as_str(), unknowns, decide, lease, receipt).await;
    }

    /// Where this job's delivery is to be reported to, noted before the gateway knows. An SMS without a delivery report is
    /// better than none.
    async fn report_to(&self, paper: &Paper, job: &SendJob) -> Option<ReportTo> {
        let deliveries = self.deliveries.as_ref()?;
        let awaited = Awaited {
            job_id: paper.id.clone(),
            reference: paper.reference.clone(),
            pool: self.pool.clone(),
            provider: self.provider.kind().to_owned(),
            attempts: paper.attempts.total.saturating_add(1),
            segments: job.text.segments(),
            reply_to: paper.reply_to.clone(),
        };
        let now = self.clock.now();
        let heard = self.provider.hears_of_deliveries_for().unwrap_or_default();
        let keep_until = paper.keep_until(now).max(now.saturating_add(heard).unwrap_or(Timestamp::MAX));
        let to = deliveries.expect(&awaited, keep_until).await;
        to.inspect_err(
            |e| warn!(job.id = %paper.id, pool = %self.pool, error = %e, "sent without a delivery report"),
        )
        .ok()
    }

    /// Does what `decide` says. Where the pool that the job is to go on to has no queue, it decides again as if that pool
    /// were not in the route: each round has one pool less, so there is an end.
    #[expect(clippy::too_many_arguments, reason = "all that is known about one job, once")]
    async fn act(
        &self,
        paper: &Paper,
        job: &SendJob,
        owner: &Owner,
        why: &str,
        mut unknowns: u32,
        decide: impl Fn(&Standing<'_>) -> Step,
        mut lease: Lease,
        mut receipt: Box<dyn Receipt>,
    ) {
        let mut route = job.route.clone();
        loop {
            let step = decide(&Standing { route: &route, ..self.standing(paper, job, unknowns) });
            let (again, unknown) = match step {
                Step::Report(end) => {
                    let end = if route == job.route { end } else { no_way_on(end) };
                    return self.report(paper, owner, end, lease, receipt).await;
                }
                Step::GiveBack => {
                    self.release(&paper.id, owner, Unknown::No).await;
                    return note(&paper.id, receipt.give_back().await);
                }
                Step::Again { again, unknown } => (again, unknown),
            };
            let counted = again.attempts.total.saturating_sub(paper.attempts.total);
            let Some(back) = self.again(job, owner, why, again.clone(), unknown, receipt).await else {
                return;
            };
            let Some((back, known)) = self.claim_back(paper, owner, counted, back).await else { return };
            route.retain(|pool| *pool != again.pool);
            (receipt, unknowns, lease) = (back, known, Lease::Lost); // it was free for a moment: another one may have ended the job
        }
    }

    /// The claim once more, for a job that was let go of and came back: the receipt and the unknowns, if nobody else has it
    /// now. `counted` hand-overs were made since it was taken from the queue.
    async fn claim_back(
        &self,
        paper: &Paper,
        owner: &Owner,
        counted: u32,
        receipt: Box<dyn Receipt>,
    ) -> Option<(Box<dyn Receipt>, u32)> {
        match self.ask(paper, owner).await {
            Asked::Answer(Claim::Taken { unknowns }) => return Some((receipt, unknowns)),
            Asked::Answer(Claim::Settled { report, reported }) => {
                self.close_settled(paper, &report, reported, receipt).await;
            }
            Asked::Answer(Claim::Busy { .. }) | Asked::Away(_) | Asked::Stopping => {
                let Attempts { total, in_pool } = paper.attempts;
                let attempts = Attempts {
                    total: total.saturating_add(counted),
                    in_pool: in_pool.saturating_add(counted),
                };
                let again = Again { pool: self.pool.clone(), after: ASK_AGAIN, attempts };
                note(&paper.id, receipt.again(again).await);
            }
        }
        None
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
            shut: self.breaker.shut_for(),
        }
    }

    /// Frees the claim first: the job may be back at once. A claim that cannot be freed lapses by itself, and the next
    /// try waits for it. Gives the job back, claim and all to be made anew, if the pool that it goes on to has no queue.
    async fn again(
        &self,
        job: &SendJob,
        owner: &Owner,
        why: &str,
        again: Again,
        unknown: Unknown,
        receipt: Box<dyn Receipt>,
    ) -> Option<Box<dyn Receipt>> {
        info!(
            job.id = %job.id, pool = %self.pool, to = %job.to, attempt = again.attempts.total, code = %why,
            next_pool = %again.pool, wait_ms = again.after.as_millis(), "another try"
        );
        self.release(&job.id, owner, unknown).await;
        let next_pool = again.pool.clone();
        match receipt.again(again).await {
            Err(AgainError::Unroutable(receipt)) if next_pool != self.pool => {
                warn!(job.id = %job.id, pool = %self.pool, %next_pool, "the next pool of its route has no queue");
                return Some(receipt);
            }
            let_go => note(&job.id, let_go),
        }
        metrics::retried(&self.pool, &next_pool);
        None
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) {
        if let Err(e) = self.patiently(|| self.claims.release(id, owner, unknown)).await {
            warn!(job.id = %id, pool = %self.pool, error = %e, "claim not freed: it lapses by itself");
        }
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

/// The end of a job that would have gone on: to the verdict comes why it did not.
fn no_way_on(end: Finding) -> Finding {
    let why = "the next pool of its route has no queue";
    let detail = end.detail.map_or_else(|| why.to_owned(), |said| format!("{why}; {said}"));
    Finding { detail: Some(Detail::own(detail)), ..end }
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
pub(crate) fn note(id: &JobId, let_go: Result<(), impl std::error::Error>) {
    if let Err(e) = let_go {
        debug!(job.id = %id, error = %e, "not let go of: it comes again");
    }
}
