//! The pool's rate at work: the jobs of one process queue for their turns, and only the first of them asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mtan_jobs::{Limit, Pool, RateBook, RateError, Turn};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::metrics;

/// A turn that is not used within this time is lost: later it would come on top of the turns of that time. Rate and claim
/// book, which are asked one after the other, take less than a second each.
const FRESH: Duration = Duration::from_secs(2);

/// A pool's rate, and those it is shared with.
#[derive(Clone)]
pub struct Throttle {
    /// Where the turns come from.
    pub rates: Arc<dyn RateBook>,
    /// How many there are.
    pub limit: Limit,
}

/// Where the jobs in hand wait.
pub(crate) struct Turnstile {
    throttle: Option<Throttle>,
    waiting: AtomicU32,
    /// Fair: who comes first goes first.
    stock: Mutex<Stock>,
}

/// Turns that were given for others who wait here.
struct Stock {
    left: u32,
    given: Instant,
}

/// A turn to hand one job over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permit {
    /// `None` = there is no rate to keep.
    given: Option<Instant>,
}

impl Permit {
    pub(crate) fn is_fresh(self) -> bool {
        self.given.is_none_or(|given| given.elapsed() < FRESH)
    }
}

/// Why there is no turn.
#[derive(Debug)]
pub(crate) enum NoTurn {
    /// It would come after the end of the asker's patience: not before `wait` has passed, as far as that is known.
    TooLate {
        wait: Duration,
    },
    Away(RateError),
    /// The way out is out of order, and the job has another.
    OutOfOrder,
}

impl Turnstile {
    pub(crate) fn new(throttle: Option<Throttle>) -> Turnstile {
        let stock = Mutex::new(Stock { left: 0, given: Instant::now() });
        Turnstile { throttle, waiting: AtomicU32::new(0), stock }
    }

    /// Waits for a turn, up to `patience`; says so at once where it cannot come in that time. May be dropped while it waits.
    pub(crate) async fn turn(&self, pool: &Pool, patience: Duration) -> Result<Permit, NoTurn> {
        let Some(throttle) = &self.throttle else { return Ok(Permit { given: None }) };
        let came = Instant::now();
        let place = Place::take(&self.waiting);
        // even with the whole burst at hand
        let least =
            throttle.limit.interval().saturating_mul(place.ahead.saturating_sub(throttle.limit.burst()));
        if least > patience {
            return Err(NoTurn::TooLate { wait: least });
        }
        let until = came + patience;
        let turn = timeout_at(until, self.first(throttle, pool, until))
            .await
            .unwrap_or(Err(NoTurn::TooLate { wait: Duration::ZERO }));
        metrics::throttled(pool, came.elapsed());
        turn
    }

    async fn first(&self, throttle: &Throttle, pool: &Pool, until: Instant) -> Result<Permit, NoTurn> {
        let mut stock = self.stock.lock().await;
        loop {
            if stock.left > 0 && stock.given.elapsed() < FRESH {
                stock.left -= 1;
                return Ok(Permit { given: Some(stock.given) });
            }
            let given = Instant::now(); // at the earliest: a slow answer makes a turn older, never fresher
            let wanted = self.waiting.load(Ordering::Relaxed).max(1);
            match throttle.rates.take(pool, &throttle.limit, wanted).await {
                Ok(Turn::Go(turns)) => *stock = Stock { left: turns, given },
                Ok(Turn::Wait(wait)) if given + wait > until => return Err(NoTurn::TooLate { wait }),
                Ok(Turn::Wait(wait)) => sleep(wait).await,
                Err(away) => return Err(NoTurn::Away(away)),
            }
        }
    }
}

/// A place in the queue.
struct Place<'a> {
    waiting: &'a AtomicU32,
    /// How many were there before.
    ahead: u32,
}

impl Place<'_> {
    fn take(waiting: &AtomicU32) -> Place<'_> {
        Place { waiting, ahead: waiting.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
