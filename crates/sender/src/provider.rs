//! Seam 4, the window: one way out of the building, and what it says about each job.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{ReportCode, SendJob};

use crate::{Detail, ReadCallback, UnknownRule};

/// A configured way out: an HTTP gateway, an SMTP gateway, a modem.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// `http`, `smtp` or `modem`, as it stands in reports.
    fn kind(&self) -> &'static str;

    /// The longest that [`Provider::send`] takes. The loop cuts the call off a little later, as a net.
    fn time_out(&self) -> Duration;

    /// What to do after a hand-over whose outcome nobody knows.
    fn unknown_rule(&self) -> UnknownRule {
        UnknownRule::Resend
    }

    /// What is allowed in its configuration and still looks like a mistake; logged at the start.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// Hands `job` over, once, and classifies what came of it. `deadline` is when the code in it dies: it has not
    /// passed at the call, and no part of the hand-over that may still be called off is begun after it.
    async fn send(&self, job: &SendJob, deadline: Timestamp) -> Verdict;

    /// How callbacks of this gateway are read; `None` where it reports no delivery.
    fn callbacks(&self) -> Option<Arc<dyn ReadCallback>> {
        None
    }

    /// As [`Provider::send`]; the gateway is told to report delivery to `dlr_url`. Asked of a provider with
    /// [`Provider::callbacks`] only.
    async fn send_reporting_to(&self, job: &SendJob, deadline: Timestamp, dlr_url: &str) -> Verdict {
        let _ = dlr_url;
        self.send(job, deadline).await
    }

    /// What [`Provider::send`] would hand over, for a person's eyes: several lines without password, text and whole number.
    fn preview(&self, job: &SendJob, deadline: Timestamp) -> String {
        let _ = deadline;
        format!("a text to {}, by {}", job.to, self.kind())
    }

    /// As [`Provider::send`], and the rule of the configuration that the answer was judged by, in a sentence.
    async fn send_and_explain(&self, job: &SendJob, deadline: Timestamp) -> (Verdict, Option<String>) {
        (self.send(job, deadline).await, None)
    }
}

/// What a provider found out. Failure is classified here, once; the loop obeys and never reads a detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The gateway took it.
    Accepted {
        /// The gateway's own id of the SMS.
        gateway_id: Option<String>,
        /// For people.
        detail: Option<Detail>,
    },
    /// It certainly did not go through, and another try may help.
    Retry {
        /// Why.
        code: ReportCode,
        /// The gateway's own wish how long to wait.
        after: Option<Duration>,
        /// For people.
        detail: Option<Detail>,
    },
    /// Refused for good.
    Rejected {
        /// Whether another way out may do better.
        about: About,
        /// Why.
        code: ReportCode,
        /// For people.
        detail: Option<Detail>,
    },
    /// Handed over, and nobody knows whether it went through.
    Unknown {
        /// Why.
        code: ReportCode,
        /// For people.
        detail: Option<Detail>,
    },
}

impl Verdict {
    /// Why it is so.
    pub fn code(&self) -> ReportCode {
        match self {
            Verdict::Accepted { .. } => ReportCode::GatewayAccepted,
            Verdict::Retry { code, .. } | Verdict::Rejected { code, .. } | Verdict::Unknown { code, .. } => {
                *code
            }
        }
    }

    /// `accepted`, `retry`, `rejected`, `unknown`: the label of a metric.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Accepted { .. } => "accepted",
            Verdict::Retry { .. } => "retry",
            Verdict::Rejected { .. } => "rejected",
            Verdict::Unknown { .. } => "unknown",
        }
    }
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The number itself: no other way out can help.
    Number,
    /// Anything else, such as credentials or credit: the next pool of the route gets the job at once.
    Gateway,
}
