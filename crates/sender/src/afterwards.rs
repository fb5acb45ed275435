//! What is noted once a job is done: that its report went out. For many jobs in one call, and no job waits for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mtan_jobs::{ClaimBook, JobId, Pool};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{debug, warn};

/// How long the first note waits for others: each call is a disk write, and nobody waits for it.
const LINGER: Duration = Duration::from_millis(5);

/// Notes of one call.
const TOGETHER: usize = 128;

/// Notes that are kept while the claim book is away, some 100 KiB; beyond them the oldest go.
const MOST: usize = 1024;

/// The first pause before a book that is away is asked again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Notes that wait for their call. One that is lost costs no SMS: should its job come again, its report is repeated.
#[derive(Default)]
pub(crate) struct Afterwards {
    pile: Mutex<Pile>,
    /// Told of every note that comes, and of the close.
    changed: Notify,
}

#[derive(Default)]
struct Pile {
    /// Oldest first; those of the call under way stay in front until it is answered.
    notes: VecDeque<JobId>,
    /// How many of them are in the call under way.
    under_way: usize,
    /// No more will come.
    closed: bool,
}

impl Afterwards {
    /// The report of this job went out.
    pub(crate) fn note(&self, id: JobId) {
        let mut pile = self.pile();
        if pile.notes.len() >= MOST {
            pile.notes.pop_front();
            pile.under_way = pile.under_way.saturating_sub(1);
        }
        pile.notes.push_back(id);
        drop(pile);
        self.changed.notify_one();
    }

    /// Whether the report of this job went out and the claim book may not know of it yet.
    pub(crate) fn knows(&self, id: &JobId) -> bool {
        self.pile().notes.contains(id)
    }

    /// No more will come: what is left is written down at once, and tried once.
    pub(crate) fn close(&self) {
        self.pile().closed = true;
        self.changed.notify_one();
    }

    /// Writes notes down until the close, and then what is left.
    pub(crate) async fn run(&self, book: &dyn ClaimBook, pool: &Pool) {
        let mut pause = FIRST_PAUSE;
        while self.gathered().await {
            let batch = self.take();
            match book.reported(&batch).await {
                Ok(()) => {
                    self.noted();
                    pause = FIRST_PAUSE;
                }
                Err(e) if self.pile().closed => {
                    return debug!(%pool, error = %e, "not noted: a duplicate of a job would repeat its report");
                }
                Err(e) => {
                    if pause == FIRST_PAUSE {
                        warn!(%pool, error = %e, "what was reported is not noted yet: trying on");
                    }
                    drop(timeout(pause, self.until(|pile| pile.closed)).await);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for notes, and a little for more of them; false when there is none and none will come.
    async fn gathered(&self) -> bool {
        self.until(|pile| pile.closed || !pile.notes.is_empty()).await;
        drop(timeout(LINGER, self.until(|pile| pile.closed || pile.notes.len() >= TOGETHER)).await);
        !self.pile().notes.is_empty()
    }

    async fn until(&self, met: impl Fn(&Pile) -> bool) {
        // one task waits here, so the one permit that is kept for it is enough
        while !met(&self.pile()) {
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Vec<JobId> {
        let mut pile = self.pile();
        pile.under_way = pile.notes.len().min(TOGETHER);
        pile.notes.iter().take(TOGETHER).cloned().collect()
    }

    /// The call was answered: its notes go, those of them that were not pushed out meanwhile.
    fn noted(&self) {
        let mut pile = self.pile();
        let under_way = std::mem::take(&mut pile.under_way);
        pile.notes.drain(..under_way);
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        // every change is whole, so a panic elsewhere leaves nothing half done
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> JobId {
        n.to_string().parse().unwrap()
    }

    #[test]
    fn a_book_that_stays_away_costs_a_bounded_memory_and_the_oldest_notes() {
        let afterwards = Afterwards::default();
        (0..5 * MOST).for_each(|n| afterwards.note(id(n)));
        assert_eq!(afterwards.pile().notes.len(), MOST);
        assert!(!afterwards.knows(&id(4 * MOST - 1)));
        assert!(afterwards.knows(&id(4 * MOST)) && afterwards.knows(&id(5 * MOST - 1)));
    }

    #[test]
    fn a_note_that_came_after_the_call_stays_though_it_pushed_one_of_the_call_out() {
        let afterwards = Afterwards::default();
        (0..MOST).for_each(|n| afterwards.note(id(n)));
        assert_eq!(afterwards.take().len(), TOGETHER);
        afterwards.note(id(MOST)); // pushes out the first one of the call
        afterwards.noted();
        assert_eq!(afterwards.pile().notes.len(), MOST - TOGETHER + 1);
        assert!(!afterwards.knows(&id(TOGETHER - 1)));
        assert!(afterwards.knows(&id(TOGETHER)) && afterwards.knows(&id(MOST)));
    }
}
