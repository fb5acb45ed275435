//! The breaker of a pool: when to leave a way out alone. Pure, with the time as an argument.
//!
//! ```text
//! Closed ── failures in a row ──> Open ── its time is over ──> HalfOpen ── the probe fails ──> Open, twice as long
//!    ^                              │                             │
//!    └── an answer that is none ────┴─────────────────────────────┘
//! ```

use std::time::Duration;

use mtan_jobs::ReportCode;
use tokio::time::Instant;

use crate::{About, Verdict};

/// The longest time for which failing probes keep a breaker open, unless it begins with a longer one: how long people
/// may wait after their gateway has come back. One job in a quarter of a minute hurts no gateway.
const LONGEST: Duration = Duration::from_secs(15);

/// The longest time for which a gateway's own wish keeps it open.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it is open at first; doubles up to 15 s while probes fail.
    pub open: Duration,
}

impl Default for BreakerRules {
    fn default() -> BreakerRules {
        BreakerRules { failures: 5, open: Duration::from_secs(1) }
    }
}

/// What a hand-over says about the way out, not about the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It works: an SMS was accepted, or refused by somebody who is there to refuse.
    Alive,
    /// It failed, and wants to be left alone for that long, if it said so.
    Failed(Option<Duration>),
}

impl Sign {
    /// `None`: it says nothing, for it was the code's death that ended it, or the gateway was never asked. A gateway that
    /// only ever asks for patience takes nothing either: that is a failure.
    pub(crate) fn of(verdict: &Verdict, code_is_dead: bool) -> Option<Sign> {
        match verdict {
            Verdict::Rejected { about: About::Job, .. } => None,
            Verdict::Accepted { .. } | Verdict::Rejected { .. } => Some(Sign::Alive),
            Verdict::Retry { code: ReportCode::Expired, .. } => None,
            Verdict::Unknown { .. } if code_is_dead => None,
            Verdict::Retry { after, .. } => Some(Sign::Failed(*after)),
            Verdict::Unknown { .. } => Some(Sign::Failed(None)),
        }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Jobs go out.
    Closed,
    /// None does before this time.
    Open { until: Instant },
    /// One may, to see what becomes of it.
    HalfOpen {
        /// It is out.
        probing: bool,
    },
}

/// Leave to hand over, for one job; to be told what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    Ordinary,
    /// Each has a number: the one before may still be out, from before the last closing.
    Probe(u64),
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: BreakerRules,
    stand: Stand,
    /// In a row, while it is closed.
    failures: u32,
    /// For how long it opens the next time.
    open_for: Duration,
    /// The last one that was given leave.
    probe: u64,
}

impl Machine {
    pub(crate) fn new(rules: BreakerRules) -> Machine {
        Machine { rules, stand: Stand::Closed, failures: 0, open_for: rules.open, probe: 0 }
    }

    /// Where it stands now.
    pub(crate) fn stand(&mut self, now: Instant) -> Stand {
        if matches!(self.stand, Stand::Open { until } if until <= now) {
            self.stand = Stand::HalfOpen { probing: false };
        }
        self.stand
    }

    /// Asks for leave to hand over.
    pub(crate) fn enter(&mut self, now: Instant) -> Option<Leave> {
        match self.stand(now) {
            Stand::Closed => Some(Leave::Ordinary),
            Stand::HalfOpen { probing: false } => {
                self.stand = Stand::HalfOpen { probing: true };
                self.probe += 1;
                Some(Leave::Probe(self.probe))
            }
            Stand::Open { .. } | Stand::HalfOpen { probing: true } => None,
        }
    }

    /// What came of a hand-over. A sign of life closes it, whoever brings it. A failure counts if it is the probe's, or
    /// one of an even stream of them; what began before the breaker opened tells nothing new.
    pub(crate) fn leave(&mut self, leave: Leave, sign: Sign, now: Instant) {
        match (sign, self.stand(now), leave) {
            (Sign::Alive, ..) => *self = Machine { probe: self.probe, ..Machine::new(self.rules) },
            (Sign::Failed(patience), Stand::Closed, _) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.rules.failures {
                    self.open(patience, now);
                }
            }
            (Sign::Failed(patience), Stand::HalfOpen { .. }, Leave::Probe(n)) if n == self.probe => {
                self.open(patience, now);
            }
            (Sign::Failed(_), ..) => {}
        }
    }

    /// The one who had leave handed nothing over.
    pub(crate) fn abandon(&mut self, leave: Leave) {
        if leave == Leave::Probe(self.probe) && self.stand == (Stand::HalfOpen { probing: true }) {
            self.stand = Stand::HalfOpen { probing: false };
        }
    }

    fn open(&mut self, patience: Option<Duration>, now: Instant) {
        let longest = LONGEST.max(self.rules.open);
        let wait = self.open_for.max(patience.unwrap_or_default().min(MOST_PATIENCE));
        self.stand = Stand::Open { until: now + wait };
        self.open_for = self.open_for.saturating_mul(2).min(longest);
    }
}

#[cfg(test)]
mod tests;
