//! Who has what in hand. Kept in memory only: the file is open in one process, so when that process dies every hold
//! dies with it and the work is free again the moment the file is opened.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::Clock;

/// How long something may stay in hand, as RabbitMQ's own acknowledgement time-out; then it is given to the next one.
const LEASE: Duration = Duration::from_secs(30 * 60);

/// What was dropped unsettled waits this long: a task that panics over a job must not become a busy loop.
const LOST_PAUSE: Duration = Duration::from_secs(1);

/// The holds on one kind of thing, by its key.
pub(super) struct Hands<K> {
    clock: Arc<dyn Clock>,
    holds: Mutex<Holds<K>>,
}

struct Holds<K> {
    by_key: HashMap<K, Hold>,
    last_holder: u64,
}

struct Hold {
    /// `None` after a drop: nobody has it, and nobody gets it before `until`.
    holder: Option<u64>,
    until: Timestamp,
}

/// One thing in hand. Dropped without [`Held::let_go`] it is lost, and comes again after a short pause.
pub(super) struct Held<K: Eq + Hash> {
    hands: Arc<Hands<K>>,
    key: K,
    holder: u64,
}

impl<K: Eq + Hash + Clone> Hands<K> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Hands<K>> {
        let holds = Mutex::new(Holds { by_key: HashMap::new(), last_holder: 0 });
        Arc::new(Hands { clock, holds })
    }

    /// Lets `look` choose among what is free and puts the choice in hand. Nothing is let go of while it looks: what
    /// was settled before is out of the file already, what is settled later still counts as held.
    pub(super) fn take<T, E>(
        self: &Arc<Self>,
        look: impl FnOnce(&dyn Fn(&K) -> bool) -> Result<Option<(K, T)>, E>,
    ) -> Result<Option<(Held<K>, T)>, E> {
        let now = self.clock.now();
        let mut holds = self.holds();
        holds.by_key.retain(|_, hold| hold.until > now);
        let Some((key, taken)) = look(&|key| !holds.by_key.contains_key(key))? else { return Ok(None) };
        holds.last_holder += 1;
        let holder = holds.last_holder;
        holds.by_key.insert(key.clone(), Hold { holder: Some(holder), until: later(now, LEASE) });
        Ok(Some((Held { hands: Arc::clone(self), key, holder }, taken)))
    }
}

impl<K> Hands<K> {
    /// Every change is a single step, so a panic elsewhere leaves nothing half done.
    fn holds(&self) -> MutexGuard<'_, Holds<K>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Held<K> {
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    /// False once the lease has run out and somebody else may have it.
    pub(super) fn is_current(&self) -> bool {
        let now = self.hands.clock.now();
        let holds = self.hands.holds();
        holds.by_key.get(&self.key).is_some_and(|hold| hold.holder == Some(self.holder) && hold.until > now)
    }

    /// Frees it at once: it was settled, or is given back unharmed.
    pub(super) fn let_go(self) {
        let mut holds = self.hands.holds();
        if holds.by_key.get(&self.key).is_some_and(|hold| hold.holder == Some(self.holder)) {
            holds.by_key.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        let until = later(self.hands.clock.now(), LOST_PAUSE);
        let mut holds = self.hands.holds();
        if let Some(hold) = holds.by_key.get_mut(&self.key).filter(|hold| hold.holder == Some(self.holder)) {
            *hold = Hold { holder: None, until };
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::testing::TestClock;

    /// Takes the thing called `1`, if it is free.
    fn take(hands: &Arc<Hands<u64>>) -> Option<Held<u64>> {
        let look = |free: &dyn Fn(&u64) -> bool| Ok::<_, ()>(free(&1).then_some((1, ())));
        hands.take(look).unwrap().map(|(held, ())| held)
    }

    #[test]
    fn one_thing_is_in_one_hand_until_it_is_let_go_of() {
        let hands = Hands::new(TestClock::start());
        let held = take(&hands).unwrap();
        assert!(take(&hands).is_none());
        held.let_go();
        assert!(take(&hands).is_some());
    }

    #[test]
    fn a_lost_thing_comes_again_after_a_pause() {
        let clock = TestClock::start();
        let hands = Hands::new(clock.clone());
        drop(take(&hands).unwrap());
        assert!(take(&hands).is_none(), "not at once: that would be a busy loop");
        clock.advance(LOST_PAUSE);
        assert!(take(&hands).is_some());
    }

    #[test]
    fn a_lapsed_lease_passes_on_and_its_old_holder_changes_nothing() {
        let clock = TestClock::start();
        let hands = Hands::new(clock.clone());
        let slow = take(&hands).unwrap();
        clock.advance(LEASE);
        assert!(!slow.is_current());
        let next = take(&hands).unwrap();
        assert!(next.is_current() && !slow.is_current());
        slow.let_go();
        assert!(take(&hands).is_none(), "the old holder freed what the new one has");
        assert!(next.is_current());
    }
}
