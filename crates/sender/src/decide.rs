//! What happens to a job next: pure, from where it stands and what the gateway said.

use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Again, Attempts, Outcome, Pool, ReportCode, Unknown};

use crate::{About, Detail, Verdict};

/// The waits between the tries in one pool: the first try and five more.
pub const PLAN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Tries that a pool gets while the route has another one behind it.
const TRIES_BEFORE_NEXT_POOL: u32 = 2;

/// The wait before a text is sent again whose first hand-over got no answer.
const RESEND_AFTER: Duration = Duration::from_secs(1);

/// A job that waits for a breaker is looked at again after so long at the earliest.
const LEAST_PARKING: Duration = Duration::from_secs(1);

/// How far a wait may lie from its plan, in parts of it: callers that failed together do not come back together.
const JITTER: f64 = 0.2;

/// What a pool does after a hand-over whose outcome nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownRule {
    /// Send the same text again, at most once: better two SMS than none.
    Resend,
    /// Try again as after a failure, in this pool: its gateway knows a job that it has seen by our id.
    Idempotent,
    /// Never: report `unknown`.
    Never,
}

impl UnknownRule {
    /// Hand-overs of unknown outcome that may lie behind a job which is handed over again.
    fn unknowns_allowed(self) -> u32 {
        match self {
            UnknownRule::Resend => 1,
            UnknownRule::Idempotent => tries_in_pool(),
            UnknownRule::Never => 0,
        }
    }
}

fn tries_in_pool() -> u32 {
    u32::try_from(PLAN.len()).unwrap_or(u32::MAX).saturating_add(1)
}

/// Where a job stands when it is decided on.
#[derive(Debug, Clone)]
pub(crate) struct Standing<'a> {
    /// The pool that has it.
    pub(crate) pool: &'a Pool,
    /// Its pools in order.
    pub(crate) route: &'a [Pool],
    /// When the code in it dies.
    pub(crate) deadline: Timestamp,
    /// Now.
    pub(crate) now: Timestamp,
    /// Hand-overs that lie behind it, without the one that is being decided on.
    pub(crate) attempts: Attempts,
    /// How many of them, and of those of lost senders, nobody knows the outcome of.
    pub(crate) unknowns: u32,
    /// The pool's rule.
    pub(crate) rule: UnknownRule,
    /// How long its breaker lets nobody through, at least; `None` = it does.
    pub(crate) shut: Option<Duration>,
}

/// What a pool does with a job that it may not hand over for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhileOpen {
    /// Takes no more jobs: they stay in the queue, for another process or for later.
    #[default]
    Rest,
    /// Goes on taking jobs, to move them along their route. For a pool that others stand behind.
    MoveAlong,
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) code: ReportCode,
    pub(crate) detail: Option<Detail>,
    pub(crate) gateway_id: Option<String>,
    pub(crate) attempts: u32,
}

/// What to do after a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Report it.
    Report(Finding),
    /// Try it again.
    Again { again: Again, unknown: Unknown },
    /// Back to the queue as it came.
    GiveBack,
}

impl Standing<'_> {
    /// Whether the job may be handed over now: `None`, or how it ends instead.
    pub(crate) fn before_hand_over(&self) -> Option<Finding> {
        let attempts = self.attempts.total;
        if self.unknowns > self.rule.unknowns_allowed() {
            return Some(unknown(self.lost_code(), None, attempts));
        }
        let late = self.now >= self.deadline;
        late.then(|| match self.unknowns {
            0 => finding(Outcome::Expired, ReportCode::Expired, None, attempts),
            // an earlier hand-over may have gone through, so "before hand-over" would be a lie
            _ => unknown(self.lost_code(), None, attempts),
        })
    }

    /// What to do with the job while the breaker lets nobody through: no try is counted for that. Who waits here keeps to
    /// its deadline, and comes back to be reported expired.
    pub(crate) fn while_shut(&self, while_open: WhileOpen, chance: f64) -> Step {
        let open_for = self.shut.unwrap_or_default();
        if let Some(next) = self.another_way() {
            return self.move_on(next);
        }
        if while_open == WhileOpen::Rest && !open_for.is_zero() {
            return Step::GiveBack;
        }
        let left = Duration::try_from(self.deadline.duration_since(self.now)).unwrap_or_default();
        let after = spread(open_for.max(LEAST_PARKING), chance).min(left);
        let again = Again { pool: self.pool.clone(), after, attempts: self.attempts };
        Step::Again { again, unknown: Unknown::No }
    }

    /// What to do with the job when its turn here would come too late.
    pub(crate) fn too_late(&self) -> Step {
        match self.another_way() {
            Some(next) => self.move_on(next),
            None if self.unknowns > 0 => Step::Report(unknown(self.lost_code(), None, self.attempts.total)),
            None => {
                let detail = Some(Detail::own("throttled: its turn would have come too late"));
                Step::Report(finding(Outcome::Expired, ReportCode::Expired, detail, self.attempts.total))
            }
        }
    }

    /// The next pool. A job whose hand-over may have gone through, and whose gateway would know it again, has no other way:
    /// another gateway would send a second SMS.
    fn another_way(&self) -> Option<&Pool> {
        let bound = self.rule == UnknownRule::Idempotent && self.unknowns > 0;
        self.next_pool().filter(|_| !bound)
    }

    /// On to `next`, with no try counted.
    fn move_on(&self, next: &Pool) -> Step {
        let attempts = Attempts { total: self.attempts.total, in_pool: 0 };
        let again = Again { pool: next.clone(), after: Duration::ZERO, attempts };
        Step::Again { again, unknown: Unknown::No }
    }

    /// What to do with the job after this pool said `verdict`; `chance` (0 to 1) spreads the waits.
    pub(crate) fn after_hand_over(&self, verdict: Verdict, chance: f64) -> Step {
        match verdict {
            Verdict::Accepted { gateway_id, detail } => {
                let end = finding(Outcome::Accepted, ReportCode::GatewayAccepted, detail, self.total());
                Step::Report(Finding { gateway_id, ..end })
            }
            Verdict::Rejected { about, code, detail } => self.after_rejection(about, code, detail),
            Verdict::Retry { code, after, detail } => self.after_failure(code, after, detail, chance),
            Verdict::Unknown { code, detail } => self.after_silence(code, detail, chance),
        }
    }

    fn after_rejection(&self, about: About, code: ReportCode, detail: Option<Detail>) -> Step {
        match (about, self.another_way()) {
            (About::Number, _) => Step::Report(finding(Outcome::Rejected, code, detail, self.total())),
            (About::Gateway | About::Job, Some(next)) => self.go_to(next),
            (About::Gateway | About::Job, None) => self.give_up(Outcome::Rejected, code, detail),
        }
    }

    fn after_failure(
        &self,
        code: ReportCode,
        after: Option<Duration>,
        detail: Option<Detail>,
        chance: f64,
    ) -> Step {
        if code == ReportCode::Expired {
            return self.too_short_lived(detail);
        }
        let next = self.another_way();
        if (self.tries() >= TRIES_BEFORE_NEXT_POOL || self.shut.is_some())
            && let Some(next) = next
        {
            return self.go_to(next);
        }
        let Some(planned) = self.planned_wait(chance) else {
            let detail = Detail::last_failure(code, detail);
            return self.give_up(Outcome::Rejected, ReportCode::AttemptsExhausted, Some(detail));
        };
        let wait = planned.max(after.unwrap_or(Duration::ZERO));
        match next {
            _ if self.in_time(wait) => self.stay(wait, Unknown::No),
            Some(next) => self.go_to(next),
            None => self.give_up(Outcome::Expired, code, detail),
        }
    }

    /// Nothing was handed over, for the code dies before this gateway could do anything with it. Another may be quicker.
    fn too_short_lived(&self, detail: Option<Detail>) -> Step {
        match self.another_way() {
            Some(next) => self.move_on(next),
            None if self.unknowns > 0 => Step::Report(unknown(self.lost_code(), None, self.attempts.total)),
            None => Step::Report(finding(Outcome::Expired, ReportCode::Expired, detail, self.attempts.total)),
        }
    }

    fn after_silence(&self, code: ReportCode, detail: Option<Detail>, chance: f64) -> Step {
        let planned = self.planned_wait(chance);
        let wait = match self.rule {
            UnknownRule::Never => None,
            UnknownRule::Resend if self.unknowns > 0 => None,
            UnknownRule::Resend => planned.map(|_| RESEND_AFTER),
            // stays in its pool: the next pool's gateway has never seen our id
            UnknownRule::Idempotent => planned,
        };
        match wait {
            Some(wait) if self.in_time(wait) => self.stay(wait, Unknown::Yes),
            _ => Step::Report(unknown(code, detail, self.total())),
        }
    }

    /// The end of a job that could not be handed over: what `outcome` says, unless an earlier hand-over may have gone
    /// through. Then nobody knows, and the asker must not read a no out of it.
    fn give_up(&self, outcome: Outcome, code: ReportCode, detail: Option<Detail>) -> Step {
        Step::Report(match self.unknowns {
            0 => finding(outcome, code, detail, self.total()),
            _ => unknown(ReportCode::NoAnswer, Some(Detail::last_failure(code, detail)), self.total()),
        })
    }

    /// The pool behind this one, while there is time for it.
    fn next_pool(&self) -> Option<&Pool> {
        behind(self.route, self.pool).filter(|_| self.in_time(Duration::ZERO))
    }

    /// Hand-overs in this pool, with this one.
    fn tries(&self) -> u32 {
        self.attempts.in_pool.saturating_add(1)
    }

    /// Hand-overs in all pools, with this one.
    fn total(&self) -> u32 {
        self.attempts.total.saturating_add(1)
    }

    /// The wait before the next try in this pool; `None` when its tries are used up.
    fn planned_wait(&self, chance: f64) -> Option<Duration> {
        PLAN.get(usize::try_from(self.attempts.in_pool).ok()?).map(|wait| spread(*wait, chance))
    }

    fn in_time(&self, wait: Duration) -> bool {
        self.now.saturating_add(wait).is_ok_and(|then| then < self.deadline)
    }

    fn stay(&self, after: Duration, unknown: Unknown) -> Step {
        let attempts = Attempts { total: self.total(), in_pool: self.tries() };
        Step::Again { again: Again { pool: self.pool.clone(), after, attempts }, unknown }
    }

    fn go_to(&self, next: &Pool) -> Step {
        let attempts = Attempts { total: self.total(), in_pool: 0 };
        let again = Again { pool: next.clone(), after: Duration::ZERO, attempts };
        Step::Again { again, unknown: Unknown::No }
    }

    /// Why more hand-overs are unknown than the rule allows. In the route's first pool only a lost sender can be the
    /// reason, for an answer that failed to come was decided on there; further on it may be an earlier pool's silence.
    fn lost_code(&self) -> ReportCode {
        let first = self.route.first().is_none_or(|first| first == self.pool);
        let beyond_rule = self.unknowns > self.rule.unknowns_allowed();
        if (first && beyond_rule) || self.unknowns > self.attempts.total {
            ReportCode::SenderLost
        } else {
            ReportCode::NoAnswer
        }
    }
}

/// The pool that stands behind `pool` in `route`. A pool outside the route has all of it behind it.
pub(crate) fn behind<'a>(route: &'a [Pool], pool: &Pool) -> Option<&'a Pool> {
    route.get(route.iter().position(|p| p == pool).map_or(0, |here| here + 1))
}

fn spread(wait: Duration, chance: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
}

fn finding(outcome: Outcome, code: ReportCode, detail: Option<Detail>, attempts: u32) -> Finding {
    Finding { outcome, code, detail, gateway_id: None, attempts }
}

fn unknown(code: ReportCode, detail: Option<Detail>, attempts: u32) -> Finding {
    finding(Outcome::Unknown, code, detail, attempts)
}

#[cfg(test)]
mod tests;
