//! Reports come back to the ledger, oldest first. They hold no text and no code and lie in the file as they are.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use mtan_embedded::EmbeddedError;
use mtan_jobs::{
    PublishError, ReplyTo, ReportConsumer, ReportDelivery, ReportPublisher, ReportReceipt, SendReport,
    SettleError,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::hands::Held;
use super::publisher::answer;
use super::{AFTER_FAULT, ANSWER, Shared, tables};

pub(super) struct EmbeddedReportPublisher(Arc<Shared>);

impl EmbeddedReportPublisher {
    pub(super) fn new(shared: Arc<Shared>) -> EmbeddedReportPublisher {
        EmbeddedReportPublisher(shared)
    }
}

#[async_trait]
impl ReportPublisher for EmbeddedReportPublisher {
    /// `reply_to` is not heeded: jobs of this queue come from this process, whose only listener is the ledger.
    async fn report(&self, report: &SendReport, _reply_to: Option<&ReplyTo>) -> Result<(), PublishError> {
        let body = report.to_json();
        let bound = self.0.bounds.max_waiting;
        let stored = self.0.file.write(move |tx| tables::insert_report(tx, &body, bound));
        answer(tokio::time::timeout(ANSWER, stored).await)?;
        self.0.report_bell.notify_one();
        Ok(())
    }
}

pub(super) struct EmbeddedReportConsumer {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl EmbeddedReportConsumer {
    pub(super) fn new(shared: Arc<Shared>, stop: CancellationToken) -> EmbeddedReportConsumer {
        EmbeddedReportConsumer { shared, stop }
    }

    fn look(&self) -> Result<Option<ReportDelivery>, EmbeddedError> {
        let look = |free: &dyn Fn(&u64) -> bool| self.shared.file.read(|tx| tables::first_report(tx, free));
        let Some((held, body)) = self.shared.reports_in_hand.take(look)? else { return Ok(None) };
        let receipt = Box::new(EmbeddedReportReceipt { shared: Arc::clone(&self.shared), held });
        Ok(Some(ReportDelivery { body, receipt }))
    }
}

#[async_trait]
impl ReportConsumer for EmbeddedReportConsumer {
    async fn next(&mut self) -> Option<ReportDelivery> {
        while !self.stop.is_cancelled() {
            // Listen before looking: what comes in between rings.
            let mut rung = pin!(self.shared.report_bell.notified());
            rung.as_mut().enable();
            let later = match self.look() {
                Ok(Some(delivery)) => return Some(delivery),
                Ok(None) => self.shared.bounds.look,
                Err(e) => {
                    error!(error = %e, "the reports cannot be read");
                    AFTER_FAULT
                }
            };
            tokio::select! {
                () = rung => {}
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(later) => {}
            }
        }
        None
    }
}

struct EmbeddedReportReceipt {
    shared: Arc<Shared>,
    held: Held<u64>,
}

#[async_trait]
impl ReportReceipt for EmbeddedReportReceipt {
    async fn ack(self: Box<Self>) -> Result<(), SettleError> {
        let number = *self.held.key();
        let written = self.shared.file.write(move |tx| tables::remove_report(tx, number)).await;
        written.map_err(|e| SettleError(e.to_string()))?;
        self.held.let_go();
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), SettleError> {
        self.held.let_go();
        self.shared.report_bell.notify_one();
        Ok(())
    }
}
