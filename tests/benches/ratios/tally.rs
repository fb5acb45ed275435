//! How often the far side of a sender was asked: a job that was not handed over, or twice, ends the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// SMS that were taken. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<AtomicUsize>);

impl Tally {
    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn so_far(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Since the last call.
    pub(crate) fn taken(&self) -> usize {
        self.0.swap(0, Ordering::AcqRel)
    }
}
