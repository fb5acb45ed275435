//! The listener: a callback becomes a `delivered` or `undelivered` report, once; and what a provider heard by itself too.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mtan_jobs::{Awaited, JobId, News, Outcome, Pool, PublishError, ReportCode, SendReport, Ticket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::{Callback, CallbackState, Deliveries, ReadCallback};
use crate::metrics::{self, CallbackResult};

/// A callback's body is read up to here.
const LONGEST_BODY: usize = 64 * 1024;

/// Questions to the book at a time: strangers can ask too, and the book is where claims are kept.
const MOST_AT_A_TIME: usize = 32;

/// For the body to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The pause before a report that could not be published is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Who publishes news has so long before somebody else with the same news may.
const LEASE: Duration = Duration::from_secs(15);

/// Takes callbacks at `…/dlr/POOL/JOB/TICKET`, whatever stands before it: a proxy may keep its prefix. What nobody waits
/// for is answered as what is welcome, so that a gateway stops repeating it and a stranger learns nothing. Only where
/// the report could not be stored the answer is 503, for the gateway to come again.
pub fn router(deliveries: Deliveries) -> Router {
    let asking = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    Router::new().fallback(callback).with_state((Arc::new(deliveries), asking))
}

type Shared = (Arc<Deliveries>, Arc<Semaphore>);

async fn callback(State((deliveries, asking)): State<Shared>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::POST | Method::PUT) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(address) = Address::of(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(reader) = deliveries.readers.get(&address.pool) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let callback = match read(request).await {
        Ok(callback) => callback,
        Err(status) => return status.into_response(),
    };
    // a task of its own: a gateway that hangs up takes no news with it
    let answer = reader.answer();
    let Ok(asks) = asking.try_acquire_owned() else { return come_again() };
    let taking = tokio::spawn(async move {
        let result = deliveries.take(&address, reader.as_ref(), &callback).await;
        metrics::called_back(&address.pool, result);
        drop(asks);
        result
    });
    let result = taking.await.unwrap_or(CallbackResult::Failed);
    match result {
        CallbackResult::Busy | CallbackResult::Failed => come_again(),
        _ => (StatusCode::OK, answer).into_response(),
    }
}

fn come_again() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response()
}

/// `…/dlr/POOL/JOB/TICKET`.
struct Address {
    pool: Pool,
    job_id: JobId,
    ticket: String,
}

impl Address {
    fn of(path: &str) -> Option<Address> {
        let mut parts = path.rsplitn(5, '/');
        let (ticket, job_id, pool, dlr) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // some gateways escape the colon that a job id may hold
        let job_id = percent_encoding::percent_decode_str(job_id).decode_utf8().ok()?;
        let address =
            Address { pool: pool.parse().ok()?, job_id: job_id.parse().ok()?, ticket: ticket.to_owned() };
        // what can be no ticket costs nobody a question
        (dlr == "dlr" && Ticket::is_one(ticket)).then_some(address)
    }
}

async fn read(request: Request) -> Result<Callback, StatusCode> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let body = body(request.into_body()).await?;
    Ok(Callback { query, media_type, body })
}

async fn body(body: Body) -> Result<Vec<u8>, StatusCode> {
    match timeout(BODY_WITHIN, to_bytes(body, LONGEST_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

impl Deliveries {
    async fn take(
        &self,
        address: &Address,
        reader: &dyn ReadCallback,
        callback: &Callback,
    ) -> CallbackResult {
        let Address { pool, job_id, ticket } = address;
        let news = match reader.read(callback) {
            CallbackState::Final { outcome, word, gateway_id } => (outcome, word, gateway_id),
            CallbackState::UnderWay => return CallbackResult::UnderWay,
            CallbackState::Unreadable => {
                // anybody can call: the metric tells, the log is for whoever looks for it
                debug!(%pool, job.id = %job_id, "a callback has no state where DLR says it is");
                return CallbackResult::Unreadable;
            }
        };
        self.hear(pool, job_id, ticket, news).await
    }

    /// News that the provider of `pool` heard by itself, with the ticket of the job's [`super::ReportTo`]. False: they were not
    /// stored, and are to be told again.
    pub async fn tell(
        &self,
        pool: &Pool,
        job_id: &JobId,
        ticket: &Ticket,
        outcome: Outcome,
        word: &str,
    ) -> bool {
        let result = self.hear(pool, job_id, ticket.expose(), (outcome, word.to_owned(), None)).await;
        metrics::called_back(pool, result);
        !matches!(result, CallbackResult::Busy | CallbackResult::Failed)
    }

    async fn hear(
        &self,
        pool: &Pool,
        job_id: &JobId,
        ticket: &str,
        (outcome, word, gateway_id): (Outcome, String, Option<String>),
    ) -> CallbackResult {
        match self.book.present(job_id, ticket, self.clock.now(), LEASE).await {
            Ok(News::First(awaited)) => self.pass_on(&awaited, outcome, word, gateway_id).await,
            Ok(News::Told) => CallbackResult::Repeated,
            Ok(News::Busy) => CallbackResult::Busy,
            Ok(News::Nobody) => {
                debug!(%pool, job.id = %job_id, "a delivery report that nobody waits for");
                CallbackResult::Nobody
            }
            Err(error) => {
                warn!(%pool, job.id = %job_id, %error, "delivery report not taken: it may come again");
                CallbackResult::Failed
            }
        }
    }

    /// Report first, confirmed; told second: a crash between the two repeats the report, never loses it.
    async fn pass_on(
        &self,
        awaited: &Awaited,
        outcome: Outcome,
        word: String,
        gateway_id: Option<String>,
    ) -> CallbackResult {
        let report = SendReport {
            job_id: awaited.job_id.clone(),
            reference: awaited.reference.clone(),
            pool: awaited.pool.clone(),
            provider: awaited.provider.clone(),
            outcome,
            code: ReportCode::DeliveryReport,
            detail: Some(word),
            gateway_id,
            attempts: awaited.attempts,
            segments: awaited.segments,
            at: self.clock.now(),
        };
        if let Err(error) = self.publish(&report, awaited).await {
            warn!(pool = %awaited.pool, job.id = %awaited.job_id, %error, "delivery report not published: it may come again");
            return CallbackResult::Failed;
        }
        info!(pool = %awaited.pool, job.id = %awaited.job_id, %outcome, "delivery report");
        if let Err(error) = self.book.told(&awaited.job_id).await {
            debug!(job.id = %awaited.job_id, %error, "the same news would be published once more");
        }
        match outcome {
            Outcome::Delivered => CallbackResult::Delivered,
            _ => CallbackResult::Undelivered,
        }
    }
}

impl Deliveries {
    /// Tries for as long as the news are ours: not every gateway comes again.
    async fn publish(&self, report: &SendReport, awaited: &Awaited) -> Result<(), PublishError> {
        let until = Instant::now() + LEASE / 2;
        loop {
            match self.reports.report(report, awaited.reply_to.as_ref()).await {
                Err(_) if Instant::now() < until => sleep(PAUSE).await,
                published => return published,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_end_of_the_path() {
        let ticket = "a".repeat(26);
        for path in ["/dlr/default/job-1/", "/sms/mtan/dlr/default/job-1/", "//dlr/default/job%2D1/"] {
            let address = Address::of(&format!("{path}{ticket}")).unwrap();
            assert_eq!((address.pool.as_str(), address.job_id.as_str()), ("default", "job-1"), "{path}");
            assert_eq!(address.ticket, ticket);
        }
        for path in [
            "/",
            "/dlr",
            &format!("/default/job-1/{ticket}"),
            &format!("/dlr/default/job-1/{ticket}/"),
            "/dlr/default/job-1/abc",
            &format!("/dlr/De/job-1/{ticket}"),
            "/dlr/default/%ff/x",
            &format!("/x/default/job-1/{ticket}"),
        ] {
            assert!(Address::of(path).is_none(), "{path}");
        }
    }
}
