//! A bound on wrong passwords: guesses run dry, and come back slowly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::Clock;

/// Guesses that may come at once.
const BURST: u32 = 20;

/// Time after which one guess comes back.
pub(crate) const REFILL: Duration = Duration::from_secs(1);

/// How many guesses are left, for all callers together: behind a proxy they look alike.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    left: Mutex<Left>,
}

struct Left {
    guesses: u32,
    /// Up to when refills have been counted.
    counted_to: Timestamp,
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Throttle {
        let counted_to = clock.now();
        Throttle { clock, left: Mutex::new(Left { guesses: BURST, counted_to }) }
    }

    /// Takes one guess, if there is one: before anything is compared.
    pub(crate) fn take(&self) -> bool {
        let now = self.clock.now();
        let mut left = self.left.lock().expect("no panic while it is held");
        let passed = now.duration_since(left.counted_to).as_secs();
        // A clock that was set back refills nothing and starts to count again.
        if passed != 0 {
            let refilled = u32::try_from(passed.max(0) as u64 / REFILL.as_secs()).unwrap_or(u32::MAX);
            left.guesses = left.guesses.saturating_add(refilled).min(BURST);
            left.counted_to = now;
        }
        let taken = left.guesses.checked_sub(1);
        left.guesses = taken.unwrap_or(0);
        taken.is_some()
    }

    /// Gives a guess back: the password was right.
    pub(crate) fn give_back(&self) {
        let mut left = self.left.lock().expect("no panic while it is held");
        left.guesses = (left.guesses + 1).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hand(Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    impl Hand {
        fn turn(&self, seconds: i64) {
            let mut now = self.0.lock().unwrap();
            *now = Timestamp::from_second(now.as_second() + seconds).unwrap();
        }
    }

    fn dry() -> (Arc<Hand>, Throttle) {
        let hand = Arc::new(Hand(Mutex::new(Timestamp::from_second(1_000).unwrap())));
        let throttle = Throttle::new(hand.clone());
        for _ in 0..BURST {
            assert!(throttle.take());
        }
        assert!(!throttle.take());
        (hand, throttle)
    }

    #[test]
    fn guesses_run_dry_and_come_back_one_a_second() {
        let (hand, throttle) = dry();
        hand.turn(1);
        assert!(throttle.take());
        assert!(!throttle.take());
        hand.turn(100_000);
        for _ in 0..BURST {
            assert!(throttle.take());
        }
        assert!(!throttle.take(), "never more than the burst");
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let (hand, throttle) = dry();
        hand.turn(1);
        for _ in 0..100 {
            assert!(throttle.take());
            throttle.give_back();
        }
    }

    #[test]
    fn a_clock_that_is_set_back_gives_no_guesses_and_takes_none_for_ever() {
        let (hand, throttle) = dry();
        hand.turn(-500);
        assert!(!throttle.take());
        hand.turn(1);
        assert!(throttle.take());
    }
}
