//! Seam 3, the half that both askers and senders need: what time it is.

use jiff::Timestamp;

/// The time, asked for and never assumed: tests hand in a clock of their own and no test sleeps to see an expiry.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
