//! A clock that stands still until a test moves it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::Clock;

/// Starts on a fixed day.
pub(super) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(super) fn start() -> Arc<TestClock> {
        let start = Timestamp::from_second(1_764_000_000).unwrap();
        Arc::new(TestClock(Mutex::new(start)))
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.saturating_add(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
