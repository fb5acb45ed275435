//! How long the service centre tries to deliver: TP-VP in its relative form, 3GPP TS 23.040 §9.2.3.12.1.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// The octet for the longest period that does not outlive `wanted`. The format begins at five minutes, which therefore stand
/// for anything shorter, and ends at 63 weeks.
pub(super) fn relative(wanted: Duration) -> u8 {
    let seconds = wanted.as_secs();
    let octet = match seconds {
        0..=43_200 => (seconds / (5 * MINUTE)).max(1) - 1, // to 12 hours: steps of 5 minutes from 0
        43_201..=86_400 => 143 + (seconds - 12 * HOUR) / (30 * MINUTE), // to a day: half hours
        86_401..3_024_000 => 166 + (seconds / DAY).min(30), // to 30 days, which stand for all below five weeks
        _ => 192 + (seconds / WEEK).clamp(5, 63),
    };
    u8::try_from(octet).expect("63 weeks are 255")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The table of §9.2.3.12.1, read the other way round.
    fn seconds(octet: u8) -> u64 {
        let n = u64::from(octet);
        match octet {
            0..=143 => (n + 1) * 300,
            144..=167 => 43_200 + (n - 143) * 1800,
            168..=196 => (n - 166) * 86_400,
            197.. => (n - 192) * 604_800,
        }
    }

    #[test]
    fn every_period_of_the_table_becomes_its_octet() {
        for octet in 0..=255 {
            assert_eq!(relative(Duration::from_secs(seconds(octet))), octet);
        }
    }

    #[test]
    fn five_minutes_are_the_least_and_63_weeks_the_most() {
        for (wanted, octet) in [(0, 0), (1, 0), (299, 0), (599, 0), (600, 1), (u64::MAX, 255)] {
            assert_eq!(relative(Duration::from_secs(wanted)), octet, "{wanted} s");
        }
    }

    proptest! {
        #[test]
        fn the_period_is_the_longest_that_does_not_outlive_what_is_wanted(wanted in 300_u64..40_000_000) {
            let octet = relative(Duration::from_secs(wanted));
            prop_assert!(seconds(octet) <= wanted);
            prop_assert!(octet == 255 || seconds(octet + 1) > wanted);
        }
    }
}
