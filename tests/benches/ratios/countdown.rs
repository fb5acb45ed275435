//! Waits until every job of a lap has ended, and well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mtan_jobs::{Outcome, PublishError, ReplyTo, ReportPublisher, SendReport};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Jobs that have not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// Jobs that have not ended yet.
pub(crate) struct Countdown {
    left: AtomicUsize,
    total: usize,
    bad: AtomicUsize,
    /// So many are no part of the time.
    first: usize,
    first_over: OnceLock<Instant>,
    zero: Notify,
}

impl Countdown {
    pub(crate) fn from(n: usize) -> Arc<Countdown> {
        Countdown::after(0, n)
    }

    /// Of `n` jobs, the time is taken from the end of the `first`.
    pub(crate) fn after(first: usize, n: usize) -> Arc<Countdown> {
        Arc::new(Countdown {
            left: AtomicUsize::new(n),
            total: n,
            bad: AtomicUsize::new(0),
            first,
            first_over: OnceLock::new(),
            zero: Notify::new(),
        })
    }

    /// A job has ended, well or not.
    pub(crate) fn ended(&self, well: bool) {
        if !well {
            self.bad.fetch_add(1, Ordering::AcqRel);
        }
        let before = self.left.fetch_sub(1, Ordering::AcqRel);
        if before + self.first == self.total + 1 {
            self.first_over.get_or_init(Instant::now);
        }
        if before == 1 {
            self.zero.notify_one();
        }
    }

    /// Waits for the last one.
    pub(crate) async fn over(&self) -> anyhow::Result<()> {
        let left = || format!("{} of {} jobs have not ended", self.left.load(Ordering::Acquire), self.total);
        timeout(PATIENCE, self.zero.notified()).await.with_context(left)?;
        let bad = self.bad.load(Ordering::Acquire);
        ensure!(bad == 0, "{bad} jobs ended, and not as accepted");
        Ok(())
    }

    /// Time since the first jobs have ended.
    pub(crate) fn since_first(&self) -> Option<Duration> {
        self.first_over.get().map(Instant::elapsed)
    }
}

/// Counts reports that the broker has confirmed.
pub(crate) struct Counted {
    pub(crate) inner: Arc<dyn ReportPublisher>,
    pub(crate) countdown: Arc<Countdown>,
}

#[async_trait]
impl ReportPublisher for Counted {
    async fn report(&self, report: &SendReport, reply_to: Option<&ReplyTo>) -> Result<(), PublishError> {
        self.inner.report(report, reply_to).await?;
        self.countdown.ended(report.outcome == Outcome::Accepted);
        Ok(())
    }
}
