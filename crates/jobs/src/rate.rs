//! Seam 1, the rate: may another SMS of this pool go now?
//!
//! All senders of a pool share one rate. It is the generic cell rate algorithm (GCRA, ITU-T I.371): one time is kept
//! for a pool, at which its next SMS would come in a perfectly even stream. Who is ahead of that time by no more than
//! the burst may go, and moves it on by one interval.

use std::time::Duration;

use async_trait::async_trait;

use crate::Pool;

/// The slowest and the fastest rate, in SMS per second.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=100_000.0;

/// How many SMS of a pool may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    interval: u64,
    burst: u32,
}

/// A number that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number of SMS per second from 0.001 to 100000 is expected")]
pub struct LimitError;

impl Limit {
    /// `tps` SMS a second, of which `burst` may go at once after a pause; 0 is taken for 1.
    ///
    /// # Errors
    /// `tps` is not from 0.001 to 100,000.
    pub fn new(tps: f64, burst: u32) -> Result<Limit, LimitError> {
        if !RATES.contains(&tps) {
            return Err(LimitError);
        }
        // rounded up: never faster than asked for
        let interval = Duration::from_secs_f64(1.0 / tps).as_nanos().div_ceil(1000);
        Ok(Limit { interval: u64::try_from(interval).unwrap_or(u64::MAX), burst: burst.max(1) })
    }

    /// Between two SMS of an even stream, in microseconds.
    pub fn interval_micros(&self) -> u64 {
        self.interval
    }

    /// Between two SMS of an even stream.
    pub fn interval(&self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// How many may go at once after a pause; at least 1.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// What somebody hears at `now` who would send up to `most`. `next` is the time that is kept for the pool, 0 where
    /// none is; both are microseconds of one clock. A `next` further ahead than this limit ever makes it is brought
    /// back: it is from a clock that was set back, or from a time of other limits.
    pub fn take(&self, next: &mut u64, now: u64, most: u32) -> Turn {
        let ahead = self.interval.saturating_mul(self.burst.into());
        let due = (*next).clamp(now, now.saturating_add(ahead));
        let room = (ahead - (due - now)) / self.interval;
        match u32::try_from(room).unwrap_or(u32::MAX).min(most.max(1)) {
            0 => Turn::Wait(Duration::from_micros(due + self.interval - ahead - now)),
            go => {
                *next = due.saturating_add(self.interval.saturating_mul(go.into()));
                Turn::Go(go)
            }
        }
    }
}

/// What the rate says to somebody who wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// So many SMS may go now: at least one, at most as many as were asked for. They need not be given back.
    Go(u32),
    /// None may go before this time has passed; then ask again.
    Wait(Duration),
}

/// The rate cannot be asked: nobody may send on a guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the shared rate is away: {0}")]
pub struct RateError(pub String);

/// The rates of all pools, shared by all senders of a pool.
#[async_trait]
pub trait RateBook: Send + Sync + 'static {
    /// Asks for the turn of up to `most` SMS. Where senders of one pool bring different limits, each is held to its own
    /// among all that it sees of the others.
    async fn take(&self, pool: &Pool, limit: &Limit, most: u32) -> Result<Turn, RateError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_764_000_000_000_000;

    fn limit(tps: f64, burst: u32) -> Limit {
        Limit::new(tps, burst).unwrap()
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_each_interval() {
        let (limit, mut next) = (limit(2.0, 3), 0);
        assert_eq!(limit.take(&mut next, START, 10), Turn::Go(3));
        assert_eq!(limit.take(&mut next, START, 1), Turn::Wait(Duration::from_millis(500)));
        assert_eq!(limit.take(&mut next, START + 400_000, 1), Turn::Wait(Duration::from_millis(100)));
        assert_eq!(limit.take(&mut next, START + 500_000, 10), Turn::Go(1));
        assert_eq!(
            limit.take(&mut next, START + 60_000_000, 10),
            Turn::Go(3),
            "no more than the burst piles up"
        );
    }

    #[test]
    fn a_rate_below_one_a_second_is_a_rate() {
        let (limit, mut next) = (limit(0.1, 0), 0);
        assert_eq!(limit.take(&mut next, START, 1), Turn::Go(1));
        assert_eq!(limit.take(&mut next, START, 1), Turn::Wait(Duration::from_secs(10)));
    }

    #[test]
    fn numbers_that_are_no_rate_are_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.0009, 100_001.0] {
            assert_eq!(Limit::new(bad, 1), Err(LimitError), "{bad}");
        }
        assert_eq!(limit(0.001, 1).interval(), Duration::from_secs(1000));
        assert_eq!(limit(100_000.0, 1).interval_micros(), 10);
        assert_eq!(limit(3.0, 1).interval_micros(), 333_334, "never faster than asked for");
    }

    #[test]
    fn a_clock_that_is_set_back_blocks_nobody_for_longer_than_one_burst_takes() {
        let (limit, mut next) = (limit(1.0, 5), 0);
        assert_eq!(limit.take(&mut next, START, 5), Turn::Go(5));
        let hour_back = START - 3_600_000_000;
        assert_eq!(limit.take(&mut next, hour_back, 1), Turn::Wait(Duration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn no_window_ever_has_more_than_burst_and_rate_allow(
            tps in 0.01_f64..5000.0,
            burst in 1_u32..50,
            steps in prop::collection::vec((0_u64..2_000_000, 1_u32..40), 1..120),
        ) {
            let (limit, mut next, mut now) = (limit(tps, burst), 0, START);
            let mut gone: Vec<(u64, u32)> = Vec::new();
            for (step, most) in steps {
                now += step;
                if let Turn::Go(n) = limit.take(&mut next, now, most) {
                    prop_assert!((1..=most).contains(&n));
                    gone.push((now, n));
                }
            }
            for (first, (from, _)) in gone.iter().enumerate() {
                let mut sum = 0.0;
                for (at, n) in &gone[first..] {
                    sum += f64::from(*n);
                    let seconds = (at - from) as f64 / 1e6;
                    prop_assert!(sum <= f64::from(burst) + tps * seconds + 1e-6, "{sum} in {seconds} s");
                }
            }
        }

        #[test]
        fn who_waits_as_long_as_he_was_told_goes(
            tps in 0.01_f64..5000.0,
            burst in 1_u32..50,
            asked in 1_u32..100,
        ) {
            let (limit, mut next, mut now) = (limit(tps, burst), 0, START);
            for _ in 0..asked {
                if let Turn::Wait(wait) = limit.take(&mut next, now, 1) {
                    prop_assert!(wait <= limit.interval());
                    now += u64::try_from(wait.as_micros()).unwrap();
                    prop_assert_eq!(limit.take(&mut next, now, 1), Turn::Go(1));
                }
            }
        }
    }
}
