//! Waits for the delivery report of one SMS, all its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use mtan_sms::{DeliveryStatus, PhoneNumber};
use tokio::time::{Instant, timeout_at};

use crate::at::{AtError, Command, Dialogue, Urc, Wire};
use crate::reports::Report;

/// How long the memory may take.
const MEMORY: Duration = Duration::from_secs(10);

/// What is known of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Nobody waited.
    NotAwaited,
    /// The modem passes no delivery reports on, or is told not to.
    NotTold,
    /// No word about every part within the time, and none of a failure.
    Silence(Duration),
    /// The worst that was reported.
    Reported(DeliveryStatus),
}

impl Delivery {
    /// Whether it certainly did not arrive.
    pub fn is_failure(self) -> bool {
        matches!(self, Delivery::Reported(DeliveryStatus::Failed { .. }))
    }

    /// A sentence; `None` where nobody waited.
    pub fn words(self) -> Option<String> {
        match self {
            Delivery::NotAwaited => None,
            Delivery::NotTold => Some("This modem passes no delivery reports on.".to_owned()),
            Delivery::Silence(within) => Some(format!(
                "No delivery report within {} s: that says nothing, the phone may be off.",
                within.as_secs()
            )),
            Delivery::Reported(status) => Some(status.to_string()),
        }
    }
}

/// Until each of `references` is reported for good, one has failed, or the time is up.
pub(super) async fn wait_for<S: Wire>(
    dialogue: &mut Dialogue<S>,
    to: &PhoneNumber,
    references: &[Option<u8>],
    within: Duration,
) -> Delivery {
    let until = Instant::now() + within;
    let mut heard: BTreeMap<u8, DeliveryStatus> = BTreeMap::new();
    loop {
        if let Some(last) = decided(&heard, references) {
            return Delivery::Reported(last);
        }
        match timeout_at(until, next_report(dialogue)).await {
            Ok(Ok(Report { reference, status, recipient })) => {
                let is_ours =
                    references.contains(&Some(reference)) && recipient.is_none_or(|number| number.is(to));
                if is_ours {
                    heard.insert(reference, status);
                }
            }
            // a lost modem tells no more
            Err(_) | Ok(Err(_)) => return undecided(&heard, within),
        }
    }
}

/// The last word about the whole: a part that failed, or the worst when all parts have one.
fn decided(heard: &BTreeMap<u8, DeliveryStatus>, references: &[Option<u8>]) -> Option<DeliveryStatus> {
    let worst = worst(heard)?;
    let is_complete = references.iter().all(|reference| {
        reference.and_then(|reference| heard.get(&reference)).is_some_and(|status| status.is_final())
    });
    (is_complete || matches!(worst, DeliveryStatus::Failed { .. })).then_some(worst)
}

fn undecided(heard: &BTreeMap<u8, DeliveryStatus>, within: Duration) -> Delivery {
    match worst(heard) {
        Some(status @ DeliveryStatus::UnderWay { .. }) => Delivery::Reported(status),
        _ => Delivery::Silence(within),
    }
}

fn worst(heard: &BTreeMap<u8, DeliveryStatus>) -> Option<DeliveryStatus> {
    heard.values().copied().max_by_key(|status| match status {
        DeliveryStatus::Delivered => 0,
        DeliveryStatus::Unconfirmed { .. } => 1,
        DeliveryStatus::UnderWay { .. } => 2,
        DeliveryStatus::Failed { .. } => 3,
    })
}

async fn next_report<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Report, AtError> {
    loop {
        let report = match dialogue.listen().await? {
            Urc::StatusReport(pdu) => Report::of_pdu(&pdu),
            Urc::TextStatusReport(fields) => Report::of_fields(&fields),
            Urc::StatusReportStored { memory, index } => fetch(dialogue, &memory, index).await?,
            _ => None,
        };
        if let Some(report) = report {
            return Ok(report);
        }
    }
}

/// A report that was stored, and is not needed there any more.
async fn fetch<S: Wire>(
    dialogue: &mut Dialogue<S>,
    memory: &str,
    index: u16,
) -> Result<Option<Report>, AtError> {
    let choose = Command::new(format!("+CPMS=\"{memory}\"")).named("+CPMS").within(MEMORY);
    let read = Command::new(format!("+CMGR={index}")).free("+CMGR").within(MEMORY);
    let delete = Command::new(format!("+CMGD={index}")).within(MEMORY);
    let mut report = None;
    for command in [choose, read, delete] {
        match dialogue.command(&command).await {
            Ok(answer) => report = report.or_else(|| Report::of_stored(answer.lines())),
            Err(AtError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(codes: &[(u8, u8)]) -> BTreeMap<u8, DeliveryStatus> {
        codes.iter().map(|(reference, code)| (*reference, DeliveryStatus::from_code(*code))).collect()
    }

    #[test]
    fn a_text_is_delivered_when_all_its_parts_are_and_failed_when_one_is() {
        let two = [Some(1), Some(2)];
        let last = |codes: &[(u8, u8)]| decided(&heard(codes), &two).map(DeliveryStatus::code);
        assert_eq!(last(&[]), None);
        assert_eq!(last(&[(1, 0)]), None);
        assert_eq!(last(&[(1, 0), (2, 0)]), Some(0));
        assert_eq!(last(&[(1, 0), (2, 0x22)]), None, "still trying");
        assert_eq!(last(&[(1, 0), (2, 2)]), Some(2));
        assert_eq!(last(&[(2, 0x46)]), Some(0x46));
        assert_eq!(
            decided(&heard(&[(1, 0)]), &[Some(1), None]),
            None,
            "a part without a reference stays open"
        );
        let within = Duration::from_secs(3);
        assert_eq!(undecided(&heard(&[(1, 0)]), within), Delivery::Silence(within));
        assert!(matches!(undecided(&heard(&[(1, 0x21)]), within), Delivery::Reported(_)));
    }
}
