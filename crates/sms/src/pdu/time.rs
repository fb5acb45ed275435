//! The service centre's time stamps, 3GPP TS 23.040 §9.2.3.11.

use std::time::{Duration, SystemTime};

const DAYS_BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// The moment that seven octets tell: year, month, day, hour, minute, second, and the quarters of an hour that its clock is ahead of
/// UTC, two swapped digits each. `None` for what is no time, which some centres send for "never".
pub(super) fn time(octets: [u8; 7]) -> Option<SystemTime> {
    let [year, month, day, hour, minute, second, zone] = octets;
    let [year, month, day] = [digits(year)?, digits(month)?, digits(day)?];
    let [hour, minute, second] = [digits(hour)?, digits(minute)?, digits(second)?];
    let valid =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !valid {
        return None;
    }
    // The sign of the zone is bit 3 of its octet: the top bit of the swapped tens.
    let quarters = digits(zone & !0x08)?;
    let local = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    let ahead = quarters * 15 * 60;
    let utc = if zone & 0x08 == 0 { local - ahead } else { local + ahead };
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(utc))
}

/// Days from 1970 to a day of 2000 to 2099, in which every fourth year has a 29th of February.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let leap_days_before = year.div_ceil(4) + u64::from(year.is_multiple_of(4) && month > 2);
    10_957 + year * 365 + leap_days_before + DAYS_BEFORE_MONTH[month as usize - 1] + day - 1
}

/// Two decimal digits, the tens in the high half where the swap puts the ones.
fn digits(octet: u8) -> Option<u64> {
    let (tens, ones) = (octet & 0x0f, octet >> 4);
    (tens < 10 && ones < 10).then_some(u64::from(tens) * 10 + u64::from(ones))
}
