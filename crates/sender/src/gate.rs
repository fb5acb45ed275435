//! The breaker at work: shared by all jobs of a pool in this process, told of by log, metric and `/readyz`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mtan_daemon::Health;
use mtan_jobs::Pool;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::breaker::{BreakerRules, Leave, Machine, Sign, Stand};
use crate::metrics;

/// Whether jobs go out by a pool's way, or it is left alone for a while because it failed.
pub struct Breaker {
    pool: Pool,
    machine: Mutex<Machine>,
    /// Where it stands, for those who wait for it to change.
    stand: watch::Sender<Stand>,
}

impl Breaker {
    /// A closed one.
    pub fn new(pool: Pool, rules: BreakerRules) -> Arc<Breaker> {
        let stand = watch::Sender::new(Stand::Closed);
        Arc::new(Breaker { pool, machine: Mutex::new(Machine::new(rules)), stand })
    }

    /// Adds the line about this pool to `/readyz`. It makes nobody unready: who waits for a gateway is at work.
    pub fn add_note(self: &Arc<Self>, health: &Health) {
        let breaker = Arc::clone(self);
        health.note(format!("pool {}", self.pool), move || breaker.describe());
    }

    fn describe(&self) -> String {
        match self.look() {
            Stand::Closed => "breaker closed".to_owned(),
            Stand::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                format!("breaker open, next probe in {} s", left.as_secs_f64().ceil())
            }
            Stand::HalfOpen { .. } => "breaker half-open, probing with the next job".to_owned(),
        }
    }

    /// Brings the metric into being.
    pub(crate) fn show(&self) {
        metrics::breaker(&self.pool, self.look());
    }

    /// Where it stands now.
    pub(crate) fn look(&self) -> Stand {
        self.with(|machine, now| machine.stand(now))
    }

    /// How long nobody may go, at least; `None` = somebody may.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        match self.look() {
            Stand::Closed | Stand::HalfOpen { probing: false } => None,
            Stand::Open { until } => Some(until.saturating_duration_since(Instant::now())),
            Stand::HalfOpen { probing: true } => Some(Duration::ZERO),
        }
    }

    /// Leave to hand over one job, if it is given now.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let leave = self.with(|machine, now| machine.enter(now))?;
        Some(Pass { breaker: Arc::clone(self), leave, used: false })
    }

    /// Who gets this is told of every change.
    pub(crate) fn watch(&self) -> watch::Receiver<Stand> {
        self.stand.subscribe()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let now = Instant::now();
        // every step of the machine is whole, so a panic elsewhere leaves nothing half done
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut machine, now);
        let stand = machine.stand(now);
        // told under the lock: the last word is the machine's last stand
        self.stand.send_if_modified(|told| {
            let before = std::mem::replace(told, stand);
            if before != stand {
                self.tell(before, stand, now);
            }
            before != stand
        });
        done
    }

    /// One line for each change that an operator would want to know of.
    fn tell(&self, before: Stand, stand: Stand, now: Instant) {
        metrics::breaker(&self.pool, stand);
        match (before, stand) {
            (Stand::HalfOpen { .. }, Stand::HalfOpen { .. }) => {}
            (_, Stand::Closed) => info!(pool = %self.pool, "the breaker closed: the way out works again"),
            (_, Stand::HalfOpen { .. }) => {
                info!(pool = %self.pool, "the breaker is half-open: one job will tell")
            }
            (_, Stand::Open { until }) => warn!(
                pool = %self.pool, for_ms = until.saturating_duration_since(now).as_millis(),
                "the breaker opened: the way out failed again and again"
            ),
        }
    }
}

/// Leave to hand over one job. Dropped unused it is as if it had never been given.
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    leave: Leave,
    used: bool,
}

impl Pass {
    /// What came of the hand-over.
    pub(crate) fn used(mut self, sign: Sign) {
        self.used = true;
        self.breaker.with(|machine, now| machine.leave(self.leave, sign, now));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.used {
            self.breaker.with(|machine, _| machine.abandon(self.leave));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_breaker_says_where_it_stands() {
        let rules = BreakerRules { open: Duration::from_secs(5), ..BreakerRules::default() };
        let breaker = Breaker::new(Pool::default_pool(), rules);
        let mut changes = breaker.watch();
        assert_eq!(breaker.describe(), "breaker closed");
        for _ in 0..5 {
            breaker.enter().unwrap().used(Sign::Failed(None));
        }
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(breaker.describe(), "breaker open, next probe in 4 s");
        assert_eq!(breaker.shut_for(), Some(Duration::from_millis(3500)));
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert_eq!(breaker.describe(), "breaker half-open, probing with the next job");
        drop(breaker.enter().unwrap());
        let probe = breaker.enter().expect("the one before handed nothing over");
        assert!(breaker.enter().is_none());
        probe.used(Sign::Alive);
        assert_eq!(breaker.describe(), "breaker closed");
        assert!(changes.has_changed().unwrap());
    }
}
