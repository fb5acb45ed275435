//! How long a code still lives, as a gateway is told.

use jiff::{Timestamp, Unit};
use serde_json::Value;

use crate::config::ValidityUnit;

/// The moment of the hand-over, and the code's end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) now: Timestamp,
    pub(crate) deadline: Timestamp,
}

/// Less than one unit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dead;

impl Life {
    /// Rounded down: a gateway is never told to hold an SMS for longer than its code lives.
    pub(crate) fn told(self, unit: ValidityUnit) -> Result<Value, Dead> {
        let milliseconds = self.deadline.as_millisecond().saturating_sub(self.now.as_millisecond());
        let whole = |milliseconds_each: i64| match milliseconds / milliseconds_each {
            units if units >= 1 => Ok(Value::from(units)),
            _ => Err(Dead),
        };
        match unit {
            ValidityUnit::Minutes => whole(60_000),
            ValidityUnit::Seconds => whole(1000),
            ValidityUnit::Milliseconds => whole(1),
            ValidityUnit::Timestamp => whole(1000).map(|_| Value::from(self.deadline.as_second())),
            ValidityUnit::Iso8601 => whole(1000).map(|_| Value::from(self.second().to_string())),
        }
    }

    /// The deadline without its fraction.
    fn second(self) -> Timestamp {
        let round = jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor);
        self.deadline.round(round).unwrap_or(self.deadline)
    }
}
