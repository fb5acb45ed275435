//! One order: the SMS is handed over, and what comes of it is told before anything else is done.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{Detail, Verdict};
use mtan_sms::{ConcatReference, Submit, SubmitOptions};
use tracing::{error, warn};

use super::{Keeper, Lost, Next, OUT_OF_CREDIT, Order, TOO_FRUITLESS};
use crate::at::Dialogue;
use crate::codes::Care;
use crate::metrics;
use crate::pool::{Answer, Mail};
use crate::port::Port;
use crate::reports::Taken;
use crate::set_up::Facts;
use crate::submit::{self, HandOver, Message};

/// How often an SMS is given to the same modem again after a remedy.
const ROUNDS: u32 = 3;

/// So many SMS in a row that the network refuses because of the SIM are no accident: a barred number looks the same.
const TOO_MANY_REFUSALS: u32 = 3;

/// The longest time for which a modem is left alone whose SIM is refused.
const LONGEST_OUT: Duration = Duration::from_secs(60 * 60);

impl Keeper {
    pub(super) async fn serve(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        facts: &Facts,
        (order, answer): Mail,
    ) -> Result<Next, Lost> {
        let handed = match self.hand_over(dialogue, facts, &order).await {
            Ok(handed) => handed,
            Err(verdict) => {
                drop(answer.send(Answer::Done(verdict)));
                return Ok(Next::GoOn);
            }
        };
        self.expect_report(facts, &order, &handed);
        metrics::sms(&self.label, handed.verdict.as_str(), handed.references.len());
        self.rest(handed.references.len());
        let HandOver { verdict, care, .. } = handed;
        let next = self.after(&verdict, care);
        // who asked may have given up
        drop(answer.send(answer_for(verdict, care)));
        next
    }

    /// Before anything is looked at that the modem has said meanwhile: a report may be among it.
    fn expect_report(&self, facts: &Facts, order: &Order, handed: &HandOver) {
        let (Verdict::Accepted { .. }, Some(to)) = (&handed.verdict, &order.report_to) else { return };
        // a part without a reference could never be matched
        let Some(references) = handed.references.iter().copied().collect::<Option<Vec<u8>>>() else { return };
        let (job_id, ticket) = (&order.job.id, &to.ticket);
        let taken = Taken { job_id, ticket, to: &order.job.to, references: &references };
        self.shop.reports.expect(&self.sim(facts), &taken);
    }

    /// The SMS, again where a remedy was found and nothing of it was taken. An error is a verdict without any hand-over.
    async fn hand_over(
        &self,
        dialogue: &mut Dialogue<Port>,
        facts: &Facts,
        order: &Order,
    ) -> Result<HandOver, Verdict> {
        let manner = facts.manner(self.line.result_within);
        let is_alive = || self.shop.clock.now() < order.deadline;
        let mut round = 1;
        loop {
            let parts = self.parts(order)?;
            let message = Message { to: &order.job.to, text: &order.job.text, parts: &parts };
            let handed = submit::hand_over(dialogue, message, &manner, &is_alive).await;
            let may_repeat = round < ROUNDS && matches!(handed.verdict, Verdict::Retry { .. });
            let remedied = may_repeat
                && handed.care == Care::CleanMemory
                && self.clean_memory(dialogue, round).await.is_ok();
            if !remedied {
                return Ok(handed);
            }
            round += 1;
        }
    }

    /// The SMS as it is to be submitted now; an error if the code in it is dead.
    fn parts(&self, order: &Order) -> Result<Vec<Submit>, Verdict> {
        let config = &self.shop.config;
        let left = order.deadline.duration_since(self.shop.clock.now());
        let left = Duration::try_from(left).ok().filter(|left| !left.is_zero());
        let Some(left) = left else {
            return Err(Verdict::Retry { code: ReportCode::Expired, after: None, detail: None });
        };
        let options = SubmitOptions {
            validity: Some(config.validity.map_or(left, |most| most.min(left))),
            status_report: order.report_to.is_some(),
            reject_duplicates: config.reject_duplicates,
            reference: ConcatReference::Octet(self.shop.reference.fetch_add(1, Ordering::Relaxed)),
        };
        Ok(Submit::parts(&order.job.to, &order.job.text, &options))
    }

    fn rest(&self, parts: usize) {
        let Some(most) = self.shop.config.sms_per_minute else { return };
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        let each = Duration::from_secs(60) / u32::from(most.max(1));
        self.shop.modems.rests(self.seat, each.saturating_mul(parts));
    }

    fn after(&mut self, verdict: &Verdict, care: Care) -> Result<Next, Lost> {
        match (verdict, care) {
            (Verdict::Accepted { .. }, _) => {
                (self.contract_refusals, self.out_for, self.fruitless) = (0, OUT_OF_CREDIT, 0);
                Ok(Next::GoOn)
            }
            // it answers everything, and takes no SMS: what helps is what helps a deaf one
            (Verdict::Unknown { .. }, _) | (Verdict::Retry { .. }, Care::SetUp) if self.is_fruitless() => {
                Err(Lost::failed("answers, and takes no SMS"))
            }
            (Verdict::Rejected { detail, .. }, Care::TakeOut) => {
                self.contract_refusals += 1;
                if self.contract_refusals < TOO_MANY_REFUSALS {
                    return Ok(Next::GoOn);
                }
                Err(self.take_out(detail.as_ref().map_or("", Detail::as_str)))
            }
            (_, Care::SetUp | Care::TakeOut) => Ok(Next::SetUp),
            (_, Care::Reopen) => Err(Lost::failed("the port is gone")),
            (_, Care::SetSmsc) if self.shop.config.smsc.is_some() => Ok(Next::SetUp),
            (_, Care::SetSmsc) => {
                warn!(modem = %self.label, "the SIM has no number of a service centre: set SMSC");
                Ok(Next::GoOn)
            }
            _ => Ok(Next::GoOn),
        }
    }

    /// Counts one more.
    fn is_fruitless(&mut self) -> bool {
        self.fruitless = self.fruitless.saturating_add(1);
        self.fruitless >= TOO_FRUITLESS
    }

    fn take_out(&mut self, words: &str) -> Lost {
        let out_for = self.out_for;
        self.out_for = (out_for * 2).min(LONGEST_OUT);
        // one more refusal is enough when it is back
        self.contract_refusals = TOO_MANY_REFUSALS - 1;
        error!(modem = %self.label, words, for_s = out_for.as_secs(), "ALARM: the network refuses this SIM's SMS");
        let refused = Lost::waits(format!("the network refuses its SMS: {words}"), out_for);
        Lost { keeps_claim: true, ..refused }
    }
}

/// Whether another modem may do it.
fn answer_for(verdict: Verdict, care: Care) -> Answer {
    match (&verdict, care) {
        (Verdict::Accepted { .. } | Verdict::Unknown { .. }, _) => Answer::Done(verdict),
        (Verdict::Rejected { .. }, Care::TakeOut) => Answer::NotTaken(verdict),
        (Verdict::Rejected { .. }, _) => Answer::Done(verdict),
        (Verdict::Retry { .. }, Care::SetUp | Care::Reopen | Care::TakeOut) => Answer::Lost(verdict),
        (Verdict::Retry { .. }, _) => Answer::NotTaken(verdict),
    }
}
