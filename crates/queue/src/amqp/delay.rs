//! Which retry queue holds a job for how long.

use std::time::Duration;

/// The time to live of the retry queues, in milliseconds. No step is wider than 1.875: then a job that fits a queue
/// (`after` of at least 80 % of the step above) leaves it at latest at 1.5 times its `after`, see [`hold`].
pub(super) const STEPS: [u32; 10] = [300, 550, 1_000, 1_800, 3_300, 6_000, 11_000, 20_000, 36_000, 60_000];

/// Where a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    /// The queue, by its time to live in milliseconds.
    pub(super) step: u32,
    /// The job's own time to live there, in milliseconds.
    pub(super) expiration: u32,
}

/// The hold for a job that may come back `after` a while; `None` = at once.
///
/// A quorum queue lets go of expired messages at its head only. So every job gets its exact time as an expiration of
/// its own, and waits in a queue whose own time to live is not much longer: behind a slower one it waits for that
/// queue's time at most, which is at most 1.5 times its own (above 160 ms). Never earlier than 80 % of `after`;
/// longer than the last step is cut to it.
pub(super) fn hold(after: Duration) -> Option<Hold> {
    let after = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    if after == 0 {
        return None;
    }
    let fits = |step: &u32| u64::from(*step) * 10 >= u64::from(after) * 8;
    let step = STEPS.into_iter().find(fits).unwrap_or(STEPS[STEPS.len() - 1]);
    Some(Hold { step, expiration: after.min(step) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_up_to_a_minute_is_kept_within_its_bounds() {
        for after in 200..=60_000_u32 {
            let hold = hold(Duration::from_millis(u64::from(after))).unwrap();
            assert!(hold.expiration * 10 >= after * 8, "{after}: too early, {hold:?}");
            assert!(
                hold.expiration <= after,
                "{after}: exact or earlier when nothing stands before it, {hold:?}"
            );
            assert!(hold.step * 10 <= after * 15 + 9, "{after}: too late behind a slower job, {hold:?}");
            assert!(STEPS.contains(&hold.step));
        }
    }

    #[test]
    fn zero_is_at_once_and_the_longest_wait_is_a_minute() {
        assert_eq!(hold(Duration::ZERO), None);
        assert_eq!(hold(Duration::from_millis(1)), Some(Hold { step: 300, expiration: 1 }));
        for long in [Duration::from_secs(76), Duration::from_secs(3600), Duration::MAX] {
            assert_eq!(hold(long), Some(Hold { step: 60_000, expiration: 60_000 }));
        }
    }
}
