//! Awaited delivery reports in the file: one entry a job, changed inside one write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_embedded::Embedded;
use mtan_jobs::{Awaited, ClaimError, DeliveryBook, JobId, News, Ticket};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::shelf::{Kept, Shelf, answer};

const DELIVERIES: Shelf<Entry> = Shelf::new("queue/deliveries", "queue/deliveries/keep");

/// The book of awaited delivery reports in `file`.
pub fn embedded_deliveries(file: &Embedded) -> Arc<dyn DeliveryBook> {
    Arc::new(EmbeddedDeliveries(file.clone()))
}

struct EmbeddedDeliveries(Embedded);

/// Times in microseconds since 1970. An empty ticket: nothing is awaited.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    keep_until: i64,
    ticket: String,
    /// For whose hand-over the ticket was made.
    #[serde(default)]
    pool: String,
    awaited: String,
    /// Until when somebody publishes the news.
    #[serde(default)]
    busy_until: i64,
    #[serde(default)]
    told: bool,
}

impl Kept for Entry {
    fn keep_until(&self) -> i64 {
        self.keep_until
    }
}

impl Entry {
    fn expect(&mut self, awaited: String, pool: String, fresh: String) -> String {
        self.awaited = awaited;
        if self.ticket.is_empty() || self.pool != pool {
            (self.ticket, self.pool) = (fresh, pool);
        }
        self.ticket.clone()
    }

    fn present(&mut self, ticket: &str, now: Timestamp, lease: Duration) -> Result<News, ClaimError> {
        if self.ticket.is_empty() || self.ticket != ticket || self.keep_until <= now.as_microsecond() {
            return Ok(News::Nobody);
        }
        if self.told {
            return Ok(News::Told);
        }
        if self.busy_until > now.as_microsecond() {
            return Ok(News::Busy);
        }
        self.busy_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX).as_microsecond();
        Awaited::from_json(&self.awaited).map(News::First)
    }
}

#[async_trait]
impl DeliveryBook for EmbeddedDeliveries {
    async fn expect(
        &self,
        awaited: &Awaited,
        fresh: &Ticket,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<Ticket, ClaimError> {
        let (id, pool) = (awaited.job_id.to_string(), awaited.pool.to_string());
        let (awaited, fresh) = (awaited.to_json(), fresh.expose().to_owned());
        let note = move |tx: &WriteTransaction| {
            DELIVERIES.sweep(tx, now)?;
            DELIVERIES.change(tx, &id, |entry| {
                entry.forget(now);
                entry.keep_until = entry.keep_until.max(keep_until.as_microsecond());
                entry.expect(awaited, pool, fresh)
            })
        };
        answer(self.0.write(note).await).map(Ticket::from_text)
    }

    async fn present(
        &self,
        id: &JobId,
        ticket: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<News, ClaimError> {
        let (id, ticket) = (id.to_string(), ticket.to_owned());
        // strangers can ask too: who has no ticket costs no write
        let known = answer(self.0.read(|tx| DELIVERIES.look(tx, &id)))?;
        if known.is_none_or(|entry| entry.ticket != ticket) {
            return Ok(News::Nobody);
        }
        let decide = move |tx: &WriteTransaction| {
            DELIVERIES.change_known(tx, &id, |entry| Some(entry.present(&ticket, now, lease)))
        };
        answer(self.0.write(decide).await)?.unwrap_or(Ok(News::Nobody))
    }

    async fn told(&self, id: &JobId) -> Result<(), ClaimError> {
        let id = id.to_string();
        answer(self.0.write(move |tx| DELIVERIES.change_known(tx, &id, |entry| entry.told = true)).await)
    }
}
