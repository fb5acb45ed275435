//! What the unit tests of the embedded queue share: a clock that stands still until a test moves it, and a job.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, SendJob};

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

/// A job for the pool `alpha`.
pub(super) fn job(id: &str) -> SendJob {
    let body = serde_json::json!({ "id": id, "to": "+491701234567", "text": "Your code is 123456", "route": ["alpha"] });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}
