//! One SMS by hand, and what came of it in plain words.

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::Verdict;
use mtan_sms::{ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions};

use super::delivery::{Delivery, wait_for};
use super::problem::Problem;
use super::status::Visit;
use crate::at::Dialogue;
use crate::codes::Care;
use crate::gnokiirc::Line;
use crate::port::Port;
use crate::set_up::{Reports, Wishes, set_up};
use crate::submit::{HandOver, Message, hand_over};

/// What is to be sent.
pub struct Letter {
    /// To whom.
    pub to: PhoneNumber,
    /// What.
    pub text: SmsText,
    /// Binds its parts together: any number that was not used to this phone a moment ago.
    pub reference: u8,
    /// How long a delivery report is waited for; zero = not at all.
    pub wait: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// SMS that the text takes.
    pub parts: usize,
    /// The network's answer.
    pub handed: HandOver,
    /// What is known of the delivery.
    pub delivery: Delivery,
}

/// Sets the modem behind `line` up and hands `letter` over, once. A [`Problem`] means that nothing was sent.
pub async fn send(visit: &Visit<'_>, line: &Line, letter: &Letter) -> Result<Sent, Problem> {
    let mut dialogue = Dialogue::new(Port::open(line, &line.place).await?);
    let wishes = Wishes { reports: !letter.wait.is_zero(), ..visit.wishes() };
    let facts = set_up(&mut dialogue, &wishes, &visit.memory()).await?;
    let wait = if facts.reports == Reports::Off { Duration::ZERO } else { letter.wait };
    let options = SubmitOptions {
        validity: visit.config.validity,
        status_report: !wait.is_zero(),
        reject_duplicates: visit.config.reject_duplicates,
        reference: ConcatReference::Octet(letter.reference),
    };
    let parts = Submit::parts(&letter.to, &letter.text, &options);
    let message = Message { to: &letter.to, text: &letter.text, parts: &parts };
    let handed = hand_over(&mut dialogue, message, &facts.manner(line.result_within), &|| true).await;
    let delivery = match (&handed.verdict, letter.wait.is_zero()) {
        (Verdict::Accepted { .. }, false) if wait.is_zero() => Delivery::NotTold,
        (Verdict::Accepted { .. }, false) => {
            wait_for(&mut dialogue, &letter.to, &handed.references, wait).await
        }
        _ => Delivery::NotAwaited,
    };
    Ok(Sent { parts: parts.len(), handed, delivery })
}

impl Sent {
    /// Whether the network took it and has not said since that it failed.
    pub fn is_good(&self) -> bool {
        matches!(self.handed.verdict, Verdict::Accepted { .. }) && !self.delivery.is_failure()
    }

    /// What came of it, and what to do: a sentence each, without text and number.
    pub fn words(&self) -> (&'static str, &'static str) {
        meaning(&self.handed)
    }

    /// What the network or the modem said to it.
    pub fn detail(&self) -> Option<&str> {
        match &self.handed.verdict {
            Verdict::Accepted { detail, .. }
            | Verdict::Retry { detail, .. }
            | Verdict::Rejected { detail, .. }
            | Verdict::Unknown { detail, .. } => detail.as_ref().map(|detail| detail.as_str()),
        }
    }
}

pub(super) fn meaning(handed: &HandOver) -> (&'static str, &'static str) {
    match (&handed.verdict, handed.care) {
        (Verdict::Accepted { .. }, _) => {
            ("the network took the SMS", "look whether it arrives; --wait 60 waits for the delivery report")
        }
        (Verdict::Unknown { .. }, _) => (
            "the SMS was given to the modem and no usable answer came: nobody knows whether it goes out",
            "look at the phone before you send it again; with a slow network a larger smsc_timeout helps",
        ),
        (Verdict::Rejected { code: ReportCode::NumberRejected, .. }, _) => {
            ("the network refused this number", "check the number")
        }
        (_, Care::TakeOut) => (
            "the network refused the SMS because of the SIM or its contract",
            "check credit, contract and whether the SIM may send SMS, with a phone",
        ),
        (Verdict::Rejected { .. }, _) => {
            ("the SMS cannot go as it is", "read the modem's words; a shorter and plainer text may go")
        }
        (_, Care::SetSmsc) => (
            "the modem knows no service centre",
            "give its number with --smsc (in a configuration: SMSC); the operator's site names it",
        ),
        (_, Care::CleanMemory) => (
            "the memory of the modem or its SIM is full, and it sends nothing before there is room",
            "delete messages with a phone; mtan's daemon deletes them by itself",
        ),
        (_, Care::Again) => ("the modem was busy, and nothing was sent", "try again in a minute"),
        (_, Care::SetUp | Care::Reopen) => (
            "the modem did not do its part, and nothing was sent",
            "try again; if it stays so, unplug the modem and plug it in again",
        ),
        (_, Care::Nothing) => ("the network could not take the SMS now", "try again later"),
    }
}
