//! GET /api/v1/explain: the whole timeline of an SMS, from the request to its delivery report.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use mtan_jobs::{Pool, SendReport};
use mtan_verifier::{Fate, StoreError, Trail, TrailOf, Verifier};
use serde::Serialize;
use serde_json::Value;

use crate::OtpApi;
use crate::bounded::bounded;
use crate::params::{Params, Unreadable};
use crate::question::{Names, user_named};

/// At most four looks into the store that each end within 300 ms, and some air.
const EXPLAIN_WITHIN: Duration = Duration::from_secs(2);

/// SMS that are told of when the request does not say.
const NEWEST: usize = 5;

/// SMS that are told of at once.
const MOST: usize = 100;

/// Why there is no timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unexplained {
    /// A parameter is missing or wrong: 400.
    Malformed(String),
    /// Nothing is known: 404.
    NotFound(String),
    /// The store is away or silent: 503.
    StoreAway,
}

#[derive(Serialize)]
struct Explained {
    timelines: Vec<Timeline>,
}

/// One SMS. What is not known, or does not apply, is not there.
#[derive(Serialize)]
struct Timeline {
    job_id: String,
    #[serde(flatten)]
    challenge: Option<Challenge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    in_outbox: bool,
    /// As on the wire (`docs/report-codes.md`): the final one first.
    reports: Vec<Value>,
}

/// What only a job of ours has.
#[derive(Serialize)]
struct Challenge {
    transaction: String,
    serial: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
    /// Masked.
    to: String,
    route: Vec<String>,
    requested_at: String,
    expires_at: String,
    wrong_tries: Vec<String>,
    /// `open`, `used`, `replaced`, `changed` or `expired`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

/// One error, in the shape of our own API.
#[derive(Serialize)]
struct Problem {
    error: ProblemBody,
}

#[derive(Serialize)]
struct ProblemBody {
    code: &'static str,
    message: String,
}

pub(super) async fn explain(State(api): State<OtpApi>, request: Request) -> Response {
    match explained(&api, request).await {
        Ok(explained) => Json(explained).into_response(),
        Err(why) => why.into_response(),
    }
}

async fn explained(api: &OtpApi, request: Request) -> Result<Explained, Unexplained> {
    let wish = Wish::new(&Params::read(request).await?, &api.inner.names)?;
    let verifier = api.inner.verifier.clone();
    let now = api.inner.clock.now();
    let hours = api.inner.explain_hours;
    let found = bounded(&api.inner.tasks, EXPLAIN_WITHIN, async move {
        let found = wish.find(&verifier).await;
        found.map(|trails| (wish, trails))
    });
    let (wish, trails) = found.await.map_err(|_| Unexplained::StoreAway)?.map_err(|error| {
        tracing::warn!(%error, "nothing was explained");
        Unexplained::StoreAway
    })?;
    if trails.is_empty() {
        return Err(wish.not_found(hours));
    }
    Ok(Explained { timelines: trails.into_iter().map(|trail| timeline(trail, now)).collect() })
}

/// What the request wants to know.
struct Wish {
    id: String,
    candidates: Vec<TrailOf>,
    newest: usize,
}

impl Wish {
    /// One `id`, whatever it names. With a `realm` it is a user's name only.
    fn new(params: &Params, names: &Names) -> Result<Wish, Unexplained> {
        let id = params.filled("id")?.ok_or_else(|| {
            Unexplained::Malformed(
                "a parameter id is expected: a job, transaction, serial or user".to_owned(),
            )
        })?;
        let realm = params.filled("realm")?;
        let user = user_named(id, realm, names).ok().map(TrailOf::User);
        let candidates: Vec<_> = match realm {
            Some(_) => user.into_iter().collect(),
            None => [
                id.parse().ok().map(TrailOf::Transaction),
                id.parse().ok().map(TrailOf::Job),
                id.parse().ok().map(TrailOf::Serial),
                user,
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        if candidates.is_empty() {
            return Err(Unexplained::Malformed(
                "id can be no name: 1 to 255 characters without control characters are expected".to_owned(),
            ));
        }
        Ok(Wish { id: id.to_owned(), candidates, newest: newest(params)? })
    }

    /// The first of the candidates of which something is known.
    async fn find(&self, verifier: &Arc<Verifier>) -> Result<Vec<Trail>, StoreError> {
        for candidate in &self.candidates {
            let trails = verifier.explain(candidate, self.newest).await?;
            if !trails.is_empty() {
                return Ok(trails);
            }
        }
        Ok(Vec::new())
    }

    fn not_found(self, hours: u32) -> Unexplained {
        Unexplained::NotFound(format!(
            "no SMS is known under {:?}, as job, transaction, serial or user: there never was one, or its code expired \
             more than {hours} hours ago (otp_api.explain_hours)",
            self.id
        ))
    }
}

fn newest(params: &Params) -> Result<usize, Unexplained> {
    let Some(text) = params.filled("newest")? else { return Ok(NEWEST) };
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| Unexplained::Malformed(format!("newest: a number from 1 to {MOST} is expected")))
}

fn timeline(trail: Trail, now: Timestamp) -> Timeline {
    let challenge = challenge(&trail, now);
    let reports = [trail.reports.outcome, trail.reports.delivery].into_iter().flatten();
    Timeline {
        job_id: trail.job_id.to_string(),
        challenge,
        confirmed_at: trail.confirmed_at.map(written),
        in_outbox: trail.in_outbox,
        reports: reports.map(|report| on_the_wire(&report)).collect(),
    }
}

fn challenge(trail: &Trail, now: Timestamp) -> Option<Challenge> {
    let (asked, fate) = (trail.asked.as_ref()?, trail.fate(now)?);
    let (state, ended_at) = match fate {
        Fate::Open => ("open", None),
        Fate::Expired => ("expired", Some(asked.expires_at)),
        Fate::Ended(end, at) => (end.as_str(), Some(at)),
    };
    Some(Challenge {
        transaction: asked.transaction.to_string(),
        serial: asked.serial.to_string(),
        user: asked.user.as_ref().map(|user| user.user().to_owned()),
        realm: asked.user.as_ref().map(|user| user.realm().to_owned()),
        to: asked.to.clone(),
        route: asked.route.iter().map(Pool::to_string).collect(),
        requested_at: written(asked.at),
        expires_at: written(asked.expires_at),
        wrong_tries: trail.tries.iter().copied().map(written).collect(),
        state,
        ended_at: ended_at.map(written),
    })
}

/// RFC 3339 in UTC with milliseconds, as in reports.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn on_the_wire(report: &SendReport) -> Value {
    serde_json::from_slice(&report.to_json()).expect("a report is JSON")
}

impl From<Unreadable> for Unexplained {
    fn from(why: Unreadable) -> Unexplained {
        Unexplained::Malformed(why.to_string())
    }
}

impl IntoResponse for Unexplained {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Unexplained::Malformed(message) => (StatusCode::BAD_REQUEST, "malformed", message),
            Unexplained::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message),
            Unexplained::StoreAway => {
                (StatusCode::SERVICE_UNAVAILABLE, "store_away", "the store did not answer".to_owned())
            }
        };
        (status, Json(Problem { error: ProblemBody { code, message } })).into_response()
    }
}
