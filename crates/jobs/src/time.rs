//! Time on the wire: RFC 3339 in UTC with milliseconds.

use jiff::Timestamp;

/// `2026-11-23T18:20:00.000Z`: RFC 3339, UTC, always three fractional digits.
pub fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Any RFC 3339 time with an offset or `Z`; `None` if the text is none.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_read_back() {
        let at = Timestamp::from_millisecond(1_764_000_000_120).unwrap();
        assert_eq!(format_time(at), "2025-11-24T16:00:00.120Z");
        assert_eq!(parse_time(&format_time(at)), Some(at));
        assert_eq!(format_time(Timestamp::from_second(0).unwrap()), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn offsets_are_read_and_local_times_refused() {
        assert_eq!(parse_time("2025-11-24T17:00:00.120+01:00"), parse_time("2025-11-24T16:00:00.120Z"));
        for none in ["", "2025-11-24", "2025-11-24T16:00:00", "tomorrow"] {
            assert_eq!(parse_time(none), None, "{none}");
        }
    }
}
