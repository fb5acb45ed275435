//! The audit log: records beside the requests of /validate, in bundles; those of administrators before their answer.

mod columns;
pub(crate) mod search;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use mtan_verifier::{AuditRecord, StoreError, Subject, Verifier};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::endpoint::Endpoint;
use crate::outcome::Outcome;

/// Records that may wait for the store: what a process that dies, or a store that stays away, can lose.
const MOST_WAITING: usize = 10_000;

/// Records that go into the store in one step.
const BUNDLE: usize = 500;

/// Time in which records gather.
const GATHER: Duration = Duration::from_millis(200);

/// Pause after the store said no.
const PAUSE: Duration = Duration::from_secs(2);

/// How long the last bundles may take after the stop.
const LAST_BUNDLES: Duration = Duration::from_secs(2);

/// Characters that are kept of a text of the caller's own.
const LONGEST_TEXT: usize = 255;

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSection {
    /// So many records are kept, the newest. Default 100,000.
    pub keep_entries: u64,
}

impl Default for AuditSection {
    fn default() -> AuditSection {
        AuditSection { keep_entries: 100_000 }
    }
}

/// Keeps records: at once, or with others a moment later.
pub(crate) struct Auditor {
    verifier: Arc<Verifier>,
    keep: u64,
    waiting: Mutex<Waiting>,
    gathered: Notify,
    /// One bundle after the other: their order is the log's.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<AuditRecord>,
    lost: u64,
}

impl Auditor {
    pub(crate) fn new(verifier: Arc<Verifier>, section: &AuditSection) -> Auditor {
        Auditor {
            verifier,
            keep: section.keep_entries,
            waiting: Mutex::default(),
            gathered: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Keeps `record` before long. While the store is away the oldest of many make room.
    pub(crate) fn put(&self, record: AuditRecord) {
        let mut waiting = self.waiting();
        if waiting.records.len() >= MOST_WAITING {
            waiting.records.pop_front();
            waiting.lost += 1;
        }
        waiting.records.push_back(record);
        drop(waiting);
        self.gathered.notify_one();
    }

    /// Keeps `record` now, behind those that wait.
    pub(crate) async fn keep(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.flush().await?;
        self.verifier.note(&[record], self.keep).await
    }

    /// Keeps all that wait.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.writing.lock().await;
        loop {
            let bundle: Vec<AuditRecord> = {
                let mut waiting = self.waiting();
                let most = waiting.records.len().min(BUNDLE);
                waiting.records.drain(..most).collect()
            };
            if bundle.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.verifier.note(&bundle, self.keep).await {
                self.take_back(bundle);
                return Err(error);
            }
        }
    }

    /// They are the oldest: in front of those that came meanwhile.
    fn take_back(&self, bundle: Vec<AuditRecord>) {
        let mut waiting = self.waiting();
        for record in bundle.into_iter().rev() {
            if waiting.records.len() >= MOST_WAITING {
                waiting.lost += 1;
            } else {
                waiting.records.push_front(record);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what gathers until `stop`, and then the rest.
    pub(crate) async fn clerk(self: Arc<Auditor>, stop: CancellationToken) {
        while stop.run_until_cancelled(self.gathered.notified()).await.is_some() {
            if stop.run_until_cancelled(sleep(GATHER)).await.is_none() {
                break;
            }
            self.write_down().await;
            if !self.waiting().records.is_empty() {
                self.gathered.notify_one();
                stop.run_until_cancelled(sleep(PAUSE)).await;
            }
        }
        if timeout(LAST_BUNDLES, self.write_down()).await.is_err() {
            warn!("the last audit records were not written in time");
        }
    }

    async fn write_down(&self) {
        if let Err(error) = self.flush().await {
            warn!(%error, "audit records wait for the store");
        }
        let lost = std::mem::take(&mut self.waiting().lost);
        if lost > 0 {
            warn!(records = lost, "audit records were lost: the store is away for too long");
        }
    }
}

/// The address of the caller of `request`.
pub(crate) fn address(request: &Request) -> Option<String> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.0.ip().to_canonical().to_string())
}

/// A text of the caller's own as it may stand in the log: of bounded length, without control characters.
pub(crate) fn cleaned(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// What became of a request on /validate.
pub(crate) fn of_validate(
    mut record: AuditRecord,
    endpoint: Endpoint,
    subject: Option<&Subject>,
    outcome: &Outcome,
) -> AuditRecord {
    record.success = match outcome {
        Outcome::Accepted(_) | Outcome::Told(_) => true,
        Outcome::Challenged(_) => endpoint == Endpoint::SmsPin,
        Outcome::Rejected(_) => false,
    };
    record.reason = outcome.reason().to_owned();
    match subject {
        Some(Subject::User(user)) => {
            record.user = Some(user.user().to_owned());
            record.realm = Some(user.realm().to_owned());
        }
        Some(Subject::Serial(serial)) => record.serial = Some(serial.to_string()),
        Some(Subject::Transaction(transaction)) => record.transaction = Some(transaction.to_string()),
        None => {}
    }
    match outcome {
        Outcome::Accepted(serial) => record.serial = Some(serial.to_string()),
        Outcome::Challenged(sent) => {
            let serials: Vec<_> = sent.sms.iter().map(|sms| sms.serial.as_str()).collect();
            record.serial = Some(serials.join(","));
            record.transaction = Some(sent.transaction.to_string());
        }
        Outcome::Told(_) | Outcome::Rejected(_) => {}
    }
    record
}
