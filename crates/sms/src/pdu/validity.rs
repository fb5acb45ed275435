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
