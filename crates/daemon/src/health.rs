//! What a process says about itself: alive, ready, and in figures.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Metrics;

/// No check takes longer: a probe that waits is a probe that fails.
const CHECK_DEADLINE: Duration = Duration::from_millis(500);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;
type Note = Arc<dyn Fn() -> String + Send + Sync>;

/// The checks on which the readiness of this process depends. Cheap to clone; clones share the checks.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<RwLock<BTreeMap<String, Check>>>,
    notes: Arc<RwLock<BTreeMap<String, Note>>>,
    stop: CancellationToken,
}

/// The body of `/readyz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Readiness {
    /// `ready`, `unready` or `stopping`.
    status: &'static str,
    /// Each check with `ok` or what is missing.
    checks: BTreeMap<String, String>,
    /// What else is worth knowing, and makes nobody unready.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<String, String>,
}

impl Health {
    /// No checks yet: ready until `stop` is cancelled. `Health::default()` is never stopping.
    pub fn new(stop: CancellationToken) -> Health {
        Health { checks: Arc::default(), notes: Arc::default(), stop }
    }

    /// Adds a check; one of the same name is replaced. It is asked at every `/readyz`, all at a time, and has 500 ms.
    /// The error says in a few words what is missing; everybody who reaches the port reads it.
    pub fn add<F, A>(&self, name: impl Into<String>, check: F)
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.checks.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), check);
    }

    /// Adds a line that readiness does not depend on; one of the same name is replaced. It is asked at every `/readyz`, and
    /// must answer at once.
    pub fn note(&self, name: impl Into<String>, note: impl Fn() -> String + Send + Sync + 'static) {
        self.notes.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), Arc::new(note));
    }

    /// Forgets the lines whose name is one of `which`.
    pub fn forget_notes(&self, which: impl Fn(&str) -> bool) {
        self.notes.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| !which(name));
    }

    async fn readiness(&self) -> Readiness {
        if self.stop.is_cancelled() {
            return Readiness { status: "stopping", checks: BTreeMap::new(), notes: BTreeMap::new() };
        }
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let checks = ask(checks).await;
        let ready = checks.values().all(|answer| answer == "ok");
        let notes = self.notes.read().unwrap_or_else(PoisonError::into_inner).clone();
        let notes = notes.into_iter().map(|(name, note)| (name, note())).collect();
        Readiness { status: if ready { "ready" } else { "unready" }, checks, notes }
    }
}

/// Every check's answer. Each runs as a task of its own, so that one that panics takes nothing with it.
async fn ask(checks: BTreeMap<String, Check>) -> BTreeMap<String, String> {
    let mut answers: BTreeMap<_, _> =
        checks.keys().map(|name| (name.clone(), "the check failed".to_owned())).collect();
    let mut asked = JoinSet::new();
    for (name, check) in checks {
        asked.spawn(async move {
            let answer = match tokio::time::timeout(CHECK_DEADLINE, check()).await {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(missing)) => missing,
                Err(_) => format!("no answer in {} ms", CHECK_DEADLINE.as_millis()),
            };
            (name, answer)
        });
    }
    while let Some(answer) = asked.join_next().await {
        answers.extend(answer);
    }
    answers
}

/// `/healthz` (200 `ok` while the process lives), `/readyz` (200, or 503 with what is missing) and `/metrics`.
pub fn health_router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(render).with_state(metrics))
}

async fn readyz(State(health): State<Health>) -> Response {
    let readiness = health.readiness().await;
    let status = if readiness.status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

async fn render(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}
