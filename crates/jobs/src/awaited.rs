//! Seam 1, the book of awaited delivery reports: what a gateway will tell later belongs to which job?
//!
//! Before a job is handed over to a gateway that reports delivery, the sender notes what it needs to know by then and
//! gets a ticket, which goes to the gateway in a URL. Whoever presents the ticket with news is heard once.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ClaimError, JobId, Pool, Reference, ReplyTo};

/// What a delivery report needs beside the news. Neither number nor text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The job.
    pub job_id: JobId,
    /// The publisher's own words.
    pub reference: Option<Reference>,
    /// The pool that handed it over.
    pub pool: Pool,
    /// The kind of its provider, as in [`crate::SendReport::provider`].
    pub provider: String,
    /// Hand-overs by then, over all pools.
    pub attempts: u32,
    /// SMS segments of its text.
    pub segments: u8,
    /// Where the publisher wants reports beside the ledger.
    pub reply_to: Option<ReplyTo>,
}

/// The part of a URL that nobody can guess: 128 random bits in base32. `Debug` prints `..`.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

/// What becomes of a ticket that is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The first news of this job: publish them, then say [`DeliveryBook::told`].
    First(Awaited),
    /// It is told already.
    Told,
    /// Somebody is publishing news of it right now.
    Busy,
    /// Nobody waits for this: no such job, another ticket, or too late.
    Nobody,
}

/// Which delivery reports are awaited. Every entry dies by itself at its `keep_until`.
#[async_trait]
pub trait DeliveryBook: Send + Sync + 'static {
    /// Notes what is awaited and returns the ticket that counts: that of an earlier hand-over of the same job in the same pool,
    /// else `fresh`. An earlier pool's ticket counts no more: its gateway cannot speak for another.
    async fn expect(
        &self,
        awaited: &Awaited,
        fresh: &Ticket,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<Ticket, ClaimError>;

    /// Somebody has news of `id`. Who is first has `lease` from `now` to publish them.
    async fn present(
        &self,
        id: &JobId,
        ticket: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<News, ClaimError>;

    /// Notes that the news were published; later ones change nothing.
    async fn told(&self, id: &JobId) -> Result<(), ClaimError>;
}

impl Ticket {
    /// From 128 random bits.
    pub fn new(random: [u8; 16]) -> Ticket {
        Ticket(BASE32_NOPAD.encode(&random).to_lowercase())
    }

    /// Whether `text` has the form of one.
    pub fn is_one(text: &str) -> bool {
        text.len() == 26 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    }

    /// As it stands in the URL.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As it was stored.
    pub fn from_text(text: String) -> Ticket {
        Ticket(text)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    job_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    pool: String,
    provider: String,
    attempts: u32,
    segments: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

impl Awaited {
    /// As the book keeps it.
    pub fn to_json(&self) -> String {
        let record = Record {
            job_id: self.job_id.to_string(),
            reference: self.reference.as_ref().map(ToString::to_string),
            pool: self.pool.to_string(),
            provider: self.provider.clone(),
            attempts: self.attempts,
            segments: self.segments,
            reply_to: self.reply_to.as_ref().map(|to| to.queue.clone()),
            correlation_id: self.reply_to.as_ref().and_then(|to| to.correlation_id.clone()),
        };
        serde_json::to_string(&record).expect("strings and numbers always serialise")
    }

    /// As the book kept it.
    ///
    /// # Errors
    /// The text is no such record: the book was written by somebody else.
    pub fn from_json(text: &str) -> Result<Awaited, ClaimError> {
        let damaged = || ClaimError("an awaited delivery report cannot be read".to_owned());
        let record: Record = serde_json::from_str(text).map_err(|_| damaged())?;
        let correlation_id = record.correlation_id;
        Ok(Awaited {
            job_id: record.job_id.parse().map_err(|_| damaged())?,
            reference: record.reference.map(|text| text.parse()).transpose().map_err(|_| damaged())?,
            pool: record.pool.parse().map_err(|_| damaged())?,
            provider: record.provider,
            attempts: record.attempts,
            segments: record.segments,
            reply_to: record.reply_to.map(|queue| ReplyTo { queue, correlation_id }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_awaited_comes_back_as_it_was_noted() {
        let full = Awaited {
            job_id: "job-1".parse().unwrap(),
            reference: Some("order \"7\"".parse().unwrap()),
            pool: Pool::default_pool(),
            provider: "http".to_owned(),
            attempts: 2,
            segments: 1,
            reply_to: Some(ReplyTo { queue: "amq.gen-1".to_owned(), correlation_id: Some("c".to_owned()) }),
        };
        let bare = Awaited { reference: None, reply_to: None, ..full.clone() };
        for awaited in [full, bare] {
            assert_eq!(Awaited::from_json(&awaited.to_json()), Ok(awaited));
        }
        assert!(Awaited::from_json("{}").is_err());
    }

    #[test]
    fn a_ticket_is_26_characters_for_a_url_and_never_shows() {
        let ticket = Ticket::new([0xa5; 16]);
        assert_eq!(ticket.expose().len(), 26);
        assert!(Ticket::is_one(ticket.expose()));
        for text in ["", &"a".repeat(25), &"a".repeat(27), &"A".repeat(26), &"1".repeat(26)] {
            assert!(!Ticket::is_one(text), "{text}");
        }
        assert_eq!(format!("{ticket:?}"), "Ticket(..)");
    }
}
