//! Hands a mail over, with a session from the pool or a new one, and says what came of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_daemon::Fault;
use mtan_jobs::{Clock, ReportCode, SendJob};
use mtan_sender::tags::Tag;
use mtan_sender::{About, Detail, Provider, ProviderKind, Secrets, UnknownRule, Verdict};
use tokio::time::Instant;

use crate::config::SmtpConfig;
use crate::message::{self, Mail, Unfit};
use crate::pool::Pool;
use crate::preview;
use crate::reply::{self, Failure, Recipient, Reply};
use crate::session::{Session, Times};

/// A gateway that takes SMS by mail.
pub struct SmtpProvider {
    config: SmtpConfig,
    /// What an answer may echo of the configuration, and a detail may not.
    secrets: Secrets,
    pool: Pool,
    clock: Arc<dyn Clock>,
}

impl SmtpProvider {
    /// A way out from the JSON of `SMSProviderConfig`, whose relative paths start in `folder`; the faults name its keys
    /// and never a value.
    pub fn from_json(
        text: &str,
        folder: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Provider>, Vec<Fault>> {
        Ok(Arc::new(SmtpProvider::new(SmtpConfig::from_json(text, folder)?, clock)))
    }

    /// Connects to nothing yet.
    pub fn new(config: SmtpConfig, clock: Arc<dyn Clock>) -> SmtpProvider {
        let mut secrets = Secrets::default();
        if let Some(login) = &config.login {
            secrets.add_login(&login.user, &login.password);
        }
        SmtpProvider { config, secrets, pool: Pool::default(), clock }
    }

    async fn hand_over(&self, mail: &Mail, times: Times<'_>) -> Result<Reply, Failure> {
        if let Some(session) = self.pool.take() {
            match self.transact(session, mail, times).await {
                // nothing was handed over: the next session does it
                Err(failure) if failure.is_stale() => {}
                outcome => return outcome,
            }
        }
        let session = Session::open(&self.config, times.begin).await?;
        self.transact(session, mail, times).await
    }

    async fn transact(&self, mut session: Session, mail: &Mail, times: Times<'_>) -> Result<Reply, Failure> {
        let outcome = session.send(self.config.sender.as_ref(), mail, times).await;
        if outcome.as_ref().err().is_none_or(Failure::leaves_connection) {
            self.pool.put(session);
        }
        outcome
    }

    /// What came of handing `job` over; an error if it makes no mail.
    async fn outcome(&self, job: &SendJob, deadline: Timestamp) -> Result<Result<Reply, Failure>, Unfit> {
        let mail = message::build(&self.config, job, self.clock.now())?;
        let now = Instant::now();
        let end = now + self.config.total_time_out;
        let begin = end.min(now + self.left(deadline));
        let is_alive = || !self.left(deadline).is_zero();
        let outcome = if is_alive() {
            self.hand_over(&mail, Times { begin, end, is_alive: &is_alive }).await
        } else {
            Err(Failure::Expired)
        };
        Ok(outcome.map_err(|failure| match failure {
            // it is the code's death that has cut it off
            Failure::TimedOut(step) if step != reply::Step::Dot && begin < end => Failure::Expired,
            failure => failure,
        }))
    }

    fn left(&self, deadline: Timestamp) -> Duration {
        Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default()
    }

    fn recipient(&self) -> Recipient {
        if self.config.recipient.has(Tag::Phone) { Recipient::Number } else { Recipient::Gateway }
    }
}

#[async_trait]
impl Provider for SmtpProvider {
    fn kind(&self) -> &'static str {
        ProviderKind::Smtp.as_str()
    }

    fn time_out(&self) -> Duration {
        self.config.total_time_out
    }

    fn unknown_rule(&self) -> UnknownRule {
        self.config.ambiguous
    }

    fn warnings(&self) -> &[String] {
        self.config.warnings()
    }

    async fn send(&self, job: &SendJob, deadline: Timestamp) -> Verdict {
        match self.outcome(job, deadline).await {
            Ok(outcome) => reply::verdict(outcome, self.recipient(), job, &self.secrets),
            Err(unfit) => rejected(unfit),
        }
    }

    fn preview(&self, job: &SendJob, _deadline: Timestamp) -> String {
        preview::preview(&self.config, job)
    }

    async fn send_and_explain(&self, job: &SendJob, deadline: Timestamp) -> (Verdict, Option<String>) {
        match self.outcome(job, deadline).await {
            Ok(outcome) => {
                let because = reply::because(&outcome);
                (reply::verdict(outcome, self.recipient(), job, &self.secrets), Some(because))
            }
            Err(unfit) => (rejected(unfit), None),
        }
    }
}

/// Another way out may have the characters that this one lacks, or another address.
fn rejected(unfit: Unfit) -> Verdict {
    let detail = Detail::own(match unfit {
        Unfit::Text => {
            "the text has characters, or lines, that the configured charset and encoding do not take"
        }
        Unfit::Recipient => "with this number in it mailto is no mail address",
    });
    Verdict::Rejected { about: About::Job, code: ReportCode::GatewayRejected, detail: Some(detail) }
}

impl fmt::Debug for SmtpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpProvider").field("config", &self.config).finish_non_exhaustive()
    }
}
