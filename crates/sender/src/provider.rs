//! Seam 4, the window: one way out of the building, and what it says about each job.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_daemon::Health;
use mtan_jobs::{Pool, ReportCode, SendJob};

use crate::{Deliveries, Detail, ReadCallback, ReportTo, UnknownRule};

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

    /// True where a hand-over may outlast a stop: what is not over by then is cut off, and its outcome unknown. Else
    /// [`Provider::time_out`] may be no longer than a stop waits.
    fn may_outlast_a_stop(&self) -> bool {
        false
    }

    /// True where two of its kind cannot be at work at once, as with the port of a modem: then an exchange lets the old one
    /// finish before the new one begins.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Begins what it does beside the jobs; called once, when the sender of `pool` starts. `news` is there if it hears of
    /// deliveries by itself.
    fn start(&self, pool: &Pool, news: Option<Deliveries>) {
        let (_, _) = (pool, news);
    }

    /// Adds to `/readyz` what is worth knowing of the way out.
    fn add_notes(&self, pool: &Pool, health: &Health) {
        let (_, _) = (pool, health);
    }

    /// Waits, up to `patience`, until there is room for one more job, and keeps it. It is asked for before the job is
    /// claimed, so waiting costs no try, and a death meanwhile leaves nothing unknown.
    async fn place(&self, patience: Duration) -> Result<Place, NoPlace> {
        let _ = patience;
        Ok(Place::default())
    }

    /// Hands `job` over, once, and classifies what came of it. `deadline` is when the code in it dies: it has not
    /// passed at the call, and no part of the hand-over that may still be called off is begun after it.
    async fn send(&self, job: &SendJob, deadline: Timestamp) -> Verdict;

    /// How callbacks of this gateway are read; `None` where it reports no delivery.
    fn callbacks(&self) -> Option<Arc<dyn ReadCallback>> {
        None
    }

    /// For how long after a hand-over it may hear by itself what became of the SMS, and tell [`Deliveries`]; `None` where
    /// it does not.
    fn hears_of_deliveries_for(&self) -> Option<Duration> {
        None
    }

    /// As [`Provider::send`], and delivery is to be reported: by a callback to the URL, or by the provider itself with the
    /// ticket. Asked of a provider with [`Provider::callbacks`] or [`Provider::hears_of_deliveries_for`] only.
    async fn send_reporting_to(&self, job: &SendJob, deadline: Timestamp, to: &ReportTo) -> Verdict {
        let _ = to;
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

/// Room for one job at a way out; given back when dropped. The default one is no room in particular.
#[derive(Default)]
pub struct Place(Option<Box<dyn Send + Sync>>);

impl Place {
    /// Room that `guard` holds.
    pub fn held(guard: impl Send + Sync + 'static) -> Place {
        Place(Some(Box::new(guard)))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", if self.0.is_some() { "held" } else { "any" })
    }
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// There was none in time.
    Late,
    /// The way out is out of order, and it is not known for how long: said at once.
    OutOfOrder,
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
    /// The job does not fit this way out, which was not even asked: the next pool may take it, and nothing is known of how
    /// the gateway is.
    Job,
}
