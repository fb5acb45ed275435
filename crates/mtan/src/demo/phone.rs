//! The demo's phone: a provider that keeps what it is given in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Clock, SendJob};
use mtan_sender::{Provider, Verdict};

/// As many SMS are kept.
const KEPT: usize = 20;

/// An SMS that "arrived".
#[derive(Clone)]
pub(crate) struct Sms {
    /// Counts up; the page uses it to see what is new.
    pub(crate) number: u64,
    /// Masked.
    pub(crate) to: String,
    /// What it says, in clear: this is the phone.
    pub(crate) text: String,
    /// The bare code.
    pub(crate) code: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// A phone that lies in this process. Its content is gone with it.
pub(crate) struct Phone {
    clock: Arc<dyn Clock>,
    inbox: Mutex<VecDeque<Sms>>,
}

impl Phone {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Phone {
        Phone { clock, inbox: Mutex::default() }
    }

    /// Newest first.
    pub(crate) fn inbox(&self) -> Vec<Sms> {
        self.lock().iter().rev().cloned().collect()
    }

    fn take(&self, job: &SendJob) -> u64 {
        let mut inbox = self.lock();
        let number = inbox.back().map_or(0, |last| last.number) + 1;
        if inbox.len() == KEPT {
            inbox.pop_front();
        }
        inbox.push_back(Sms {
            number,
            to: job.to.to_string(),
            text: job.text.expose().to_owned(),
            code: job.otp_or_text().to_owned(),
            at: self.clock.now(),
        });
        number
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sms>> {
        // A list of texts is whole after any panic.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Provider for Phone {
    fn kind(&self) -> &'static str {
        "demo"
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, job: &SendJob, _deadline: Timestamp) -> Verdict {
        let number = self.take(job);
        Verdict::Accepted { gateway_id: Some(number.to_string()), detail: None }
    }
}
