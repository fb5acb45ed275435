//! Answers that wait until the test lets them go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::wait_until;

/// Time for requests to arrive, with room for a loaded machine.
const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// Keeps answers back until it is released: a slow gateway without a clock in the test. Clones share it.
#[derive(Debug, Clone)]
pub struct Hold {
    passes: Arc<Semaphore>, // one permit lets one answer go; closed lets all go
    waiting: Arc<AtomicUsize>,
}

impl Hold {
    /// A hold that holds everything.
    #[expect(clippy::new_without_default, reason = "a default hold that holds would surprise")]
    pub fn new() -> Self {
        Self { passes: Arc::new(Semaphore::new(0)), waiting: Arc::new(AtomicUsize::new(0)) }
    }

    /// Lets every answer go, those that come later too.
    pub fn release(&self) {
        self.passes.close();
    }

    /// Lets `n` answers go, the longest waiting first.
    pub fn release_next(&self, n: usize) {
        self.passes.add_permits(n);
    }

    /// Requests that are being held now. One whose client gave up is not counted any more.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Waits until exactly `n` requests are being held; 0 means that all have got their answer or given up.
    ///
    /// # Panics
    /// After 30 s, with the number that are.
    pub async fn wait_for(&self, n: usize) {
        wait_until(&format!("{n} held requests"), WAIT_DEADLINE, async || match self.waiting() {
            waiting if waiting == n => Ok(()),
            waiting => Err(format!("{waiting} held")),
        })
        .await;
    }

    /// Returns when this request may go on.
    pub(crate) async fn pass(&self) {
        let _counted = Waiting::enter(&self.waiting);
        if let Ok(permit) = self.passes.acquire().await {
            permit.forget(); // used up
        }
    }
}

/// Counts while it lives: also a request whose client left takes itself off the list.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
