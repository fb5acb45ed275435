//! The end of a job: settled in the claim book, then reported, then let go of, in this order; that the report went out is
//! noted beside.

use std::time::Duration;

use mtan_jobs::{Claim, ClaimError, Outcome, Owner, Receipt, SendReport};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::decide::Finding;
use crate::hand_over::Lease;
use crate::metrics;
use crate::one_job::{Content, Paper, note};
use crate::run::Postroom;

/// The first pause before something that failed is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Postroom {
    /// Settles, publishes and closes with what was found. The claim book keeps the first report of a job: where
    /// another sender may have had the job too, its word is asked for, and the report that won is the one published.
    pub(crate) async fn report(
        &self,
        paper: &Paper,
        owner: &Owner,
        end: Finding,
        lease: Lease,
        receipt: Box<dyn Receipt>,
    ) {
        let report = self.make(paper, end);
        let keep_until = paper.keep_until(report.at);
        if let Err(e) = self.patiently(|| self.claims.settle(&report, keep_until)).await {
            // the queue forgets the job next: that is the second guard against a second SMS
            warn!(job.id = %paper.id, pool = %self.pool, error = %e, "report not kept by the claim book");
        }
        let (report, reported) = match lease {
            Lease::Held => (report, false),
            Lease::Lost => self.first_report(paper, owner, report).await,
        };
        self.log(paper, &report);
        self.close_settled(paper, &report, reported, receipt).await;
    }

    /// Report first, confirmed; ack second: a crash between the two repeats the report, never loses it. The note about it
    /// is left to the afterwards, which nobody waits for: a job that was let go of comes again only if that was lost.
    pub(crate) async fn close_settled(
        &self,
        paper: &Paper,
        report: &SendReport,
        reported: bool,
        receipt: Box<dyn Receipt>,
    ) {
        if !reported && !self.afterwards.knows(&paper.id) {
            self.publish(paper, report).await;
            self.afterwards.note(paper.id.clone());
        }
        note(&paper.id, paper.close(receipt).await);
    }

    /// Tries until the report is stored: without it the job may not end. A stop ends the trying by its drain time.
    async fn publish(&self, paper: &Paper, report: &SendReport) {
        let mut pause = FIRST_PAUSE;
        while let Err(e) = self.reports.report(report, paper.reply_to.as_ref()).await {
            if pause == FIRST_PAUSE {
                warn!(job.id = %paper.id, pool = %self.pool, error = %e, "report not published: trying on");
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        metrics::reported(&self.pool, report.outcome);
    }

    /// The report that the book keeps, and whether it is published; ours if the book does not say.
    async fn first_report(&self, paper: &Paper, owner: &Owner, ours: SendReport) -> (SendReport, bool) {
        let now = self.clock.now();
        match self.claims.claim(&paper.id, owner, now, self.rules.lease, paper.keep_until(now)).await {
            Ok(Claim::Settled { report, reported }) => (report, reported),
            _ => (ours, false),
        }
    }

    /// Asks the claim book until it answers, as long as the claim is surely ours: one lease.
    pub(crate) async fn patiently<F>(&self, mut ask: impl FnMut() -> F) -> Result<(), ClaimError>
    where
        F: Future<Output = Result<(), ClaimError>>,
    {
        let (asked_first, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            match ask().await {
                Err(_) if asked_first.elapsed() < self.rules.lease => sleep(pause).await,
                answer => return answer,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn make(&self, paper: &Paper, end: Finding) -> SendReport {
        let segments = match &paper.content {
            Content::Job(job) => job.text.segments(),
            Content::Poison(_) => 0,
        };
        SendReport {
            job_id: paper.id.clone(),
            reference: paper.reference.clone(),
            pool: self.pool.clone(),
            provider: self.provider.kind().to_owned(),
            outcome: end.outcome,
            code: end.code,
            detail: end.detail.map(|d| d.to_string()),
            gateway_id: end.gateway_id,
            attempts: end.attempts,
            segments,
            at: self.clock.now(),
        }
    }

    /// The one line about a job's end.
    fn log(&self, paper: &Paper, report: &SendReport) {
        let to = match &paper.content {
            Content::Job(job) => job.to.to_string(),
            Content::Poison(_) => String::new(),
        };
        let detail = report.detail.as_deref().unwrap_or_default();
        let end = match report.outcome {
            Outcome::Accepted => "gateway accepted",
            Outcome::Expired => "expired before hand-over",
            Outcome::Unknown => "nobody knows whether it was sent",
            _ => "rejected",
        };
        info!(
            job.id = %paper.id, pool = %self.pool, to, attempt = report.attempts, outcome = %report.outcome,
            code = %report.code, detail, "{end}"
        );
        if let (Outcome::Accepted, Some(published_at)) = (report.outcome, paper.published_at) {
            metrics::code_age(&self.pool, report.at.duration_since(published_at).as_secs_f64());
        }
    }
}
