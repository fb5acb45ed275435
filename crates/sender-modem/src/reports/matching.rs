//! Which awaited SMS a report is about: pure.

use std::collections::BTreeMap;
use std::time::Duration;

use mtan_jobs::{JobId, Ticket};
use mtan_sms::DeliveryStatus;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Report, Taken};

/// How long a report is waited for.
pub(crate) const KEPT: Duration = Duration::from_secs(48 * 60 * 60);

/// The most that is awaited at a time; the oldest goes first.
const MOST: usize = 10_000;

/// How many of a number's last digits are kept: they are the same in its national form.
const TAIL: usize = 4;

/// A SIM card or modem, as it is remembered: a digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Sim(String);

impl Sim {
    pub(crate) fn new(identity: &str) -> Sim {
        let digest = Sha256::digest(format!("mtan sim {identity}"));
        Sim(data_encoding::HEXLOWER.encode(&digest[..8]))
    }
}

/// One SMS of one job, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sms {
    job_id: String,
    ticket: String,
    sim: Sim,
    /// The last digits of the number.
    tail: String,
    /// One for each part that is not reported as delivered.
    references: Vec<u8>,
    /// Seconds since 1970.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<(bool, String)>,
}

/// A line of the journal: SMS `id` is so now, or is done with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sms: Option<Sms>,
}

/// What is to be told of a job.
#[derive(Debug, Clone)]
pub(super) struct News {
    id: u64,
    pub(super) job_id: JobId,
    pub(super) ticket: Ticket,
    pub(super) delivered: bool,
    /// In plain words.
    pub(super) word: String,
}

#[derive(Debug)]
pub(super) enum Found {
    Nobody,
    /// Parts are missing, or the network goes on trying.
    NotYet,
    News(News),
}

/// Every SMS that is awaited, by a number that counts up.
#[derive(Default)]
pub(super) struct Awaiting {
    next: u64,
    sms: BTreeMap<u64, Sms>,
}

impl Awaiting {
    pub(super) fn from_entries(entries: impl IntoIterator<Item = Entry>, now: i64) -> Awaiting {
        let mut awaiting = Awaiting::default();
        for Entry { id, sms } in entries {
            awaiting.next = awaiting.next.max(id.saturating_add(1));
            match sms {
                Some(sms) => drop(awaiting.sms.insert(id, sms)),
                None => drop(awaiting.sms.remove(&id)),
            }
        }
        awaiting.forget(now);
        awaiting
    }

    pub(super) fn expect(&mut self, sim: &Sim, taken: &Taken<'_>, now: i64) -> Entry {
        let sms = Sms {
            job_id: taken.job_id.to_string(),
            ticket: taken.ticket.expose().to_owned(),
            sim: sim.clone(),
            tail: tail(taken.to.expose()),
            references: taken.references.to_vec(),
            at: now,
            end: None,
        };
        let id = self.next;
        self.next += 1;
        self.sms.insert(id, sms.clone());
        while self.sms.len() > MOST {
            self.sms.pop_first();
        }
        Entry { id, sms: Some(sms) }
    }

    /// The newest SMS that it fits: an older one with the same reference will not be reported on any more.
    pub(super) fn heard(&mut self, sim: &Sim, report: &Report, now: i64) -> (Found, Option<Entry>) {
        self.forget(now);
        let digits = report.recipient.as_ref().map(|recipient| tail(&recipient.expose()));
        let fits = |sms: &Sms| {
            sms.end.is_none()
                && sms.sim == *sim
                && digits.as_ref().is_none_or(|digits| sms.tail == *digits)
                && sms.references.contains(&report.reference)
        };
        if digits.is_none() && self.sms.values().filter(|sms| fits(sms)).count() > 1 {
            return (Found::Nobody, None);
        }
        let Some((id, sms)) = self.sms.iter_mut().rev().find(|(_, sms)| fits(sms)) else {
            return (Found::Nobody, None);
        };
        match report.status {
            DeliveryStatus::UnderWay { .. } => return (Found::NotYet, None),
            DeliveryStatus::Failed { .. } => sms.end = Some((false, word(report.status))),
            // done, and nobody knows: this says neither that the phone has it nor that it has not
            DeliveryStatus::Unconfirmed { .. } => {
                let id = *id;
                self.sms.remove(&id);
                return (Found::NotYet, Some(Entry { id, sms: None }));
            }
            DeliveryStatus::Delivered => {
                // parts of one SMS have references of their own
                let place = sms.references.iter().position(|reference| *reference == report.reference);
                place.map(|place| sms.references.swap_remove(place));
                if sms.references.is_empty() {
                    sms.end = Some((true, word(report.status)));
                }
            }
        }
        let found = sms.news(*id).map_or(Found::NotYet, Found::News);
        (found, Some(Entry { id: *id, sms: Some(sms.clone()) }))
    }

    /// What was heard before a restart and may not have been told.
    pub(super) fn untold(&self) -> Vec<News> {
        self.sms.iter().filter_map(|(id, sms)| sms.news(*id)).collect()
    }

    pub(super) fn told(&mut self, news: &News) -> Entry {
        self.sms.remove(&news.id);
        Entry { id: news.id, sms: None }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.sms.iter().map(|(id, sms)| Entry { id: *id, sms: Some(sms.clone()) })
    }

    pub(super) fn len(&self) -> usize {
        self.sms.len()
    }

    pub(super) fn forget(&mut self, now: i64) {
        let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        self.sms.retain(|_, sms| now.saturating_sub(sms.at) <= kept);
    }
}

impl Sms {
    fn news(&self, id: u64) -> Option<News> {
        let (delivered, word) = self.end.clone()?;
        let job_id = self.job_id.parse().ok()?;
        Some(News { id, job_id, ticket: Ticket::from_text(self.ticket.clone()), delivered, word })
    }
}

fn word(status: DeliveryStatus) -> String {
    format!("{:#04x}: {}", status.code(), status.sentence())
}

fn tail(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(TAIL)..].iter().collect()
}

/// For tests: a report about `to`.
#[cfg(test)]
pub(super) fn report(reference: u8, to: &str, code: u8) -> Report {
    let recipient = Some(mtan_sms::Address::parse(to).expect("a number"));
    Report { reference, recipient, status: DeliveryStatus::from_code(code) }
}
