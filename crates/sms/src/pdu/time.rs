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

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(octets: [u8; 7]) -> Option<u64> {
        time(octets).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn a_stamp_is_a_moment() {
        for (octets, seconds) in [
            ([0x62, 0x11, 0x42, 0x81, 0x10, 0x00, 0x40], 1_795_539_660), // 2026-11-24 18:01:00 +01:00
            ([0x42, 0x20, 0x92, 0x32, 0x95, 0x95, 0x0a], 1_709_269_199), // 2024-02-29 23:59:59 -05:00
            ([0x00, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00], 946_684_800),   // 2000-01-01
            ([0x82, 0x30, 0x10, 0x00, 0x00, 0x00, 0x00], 1_835_481_600), // 2028-03-01, behind a leap day
            ([0x42, 0x21, 0x13, 0x21, 0x00, 0x00, 0x00], 1_735_646_400), // 2024-12-31 12:00
            ([0x99, 0x21, 0x13, 0x32, 0x95, 0x95, 0x00], 4_102_444_799), // 2099-12-31 23:59:59
        ] {
            assert_eq!(unix(octets), Some(seconds), "{octets:02x?}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for octets in [
            [0; 7],
            [0xff; 7],
            [0x62, 0x31, 0x42, 0x81, 0x10, 0x00, 0x40], // month 13
            [0x62, 0x11, 0x23, 0x42, 0x10, 0x00, 0x40], // 24 h
            [0x62, 0x11, 0x42, 0x81, 0x06, 0x00, 0x40], // 60 min
            [0x62, 0x11, 0x4a, 0x81, 0x10, 0x00, 0x40], // no digit
        ] {
            assert_eq!(unix(octets), None, "{octets:02x?}");
        }
    }
}
