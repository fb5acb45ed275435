//! The store in Redis: every step is one script, atomic and all in one slot.

mod administration;
mod audit;
mod keys;
mod ledger;
mod link;
mod outbox;
mod policy;
mod scripts;
mod settings;
mod tokens;
mod trails;
mod url;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::redis::{FromRedisValue, ScriptInvocation, cmd};
use mtan_verifier::{Store, StoreError, TransactionId};

use link::{CallError, Connection, Link};
use scripts::Scripts;
pub use url::StoreUrlError;

/// Connections where a step waits for replicas: `WAIT` holds up everything behind it on the same connection.
const WAITING_LINKS: usize = 8;
/// How long a step waits for replicas, in milliseconds.
const WAIT_MILLIS: u32 = 50;

/// Tokens, challenges, outbox and ledger in Redis. Clones share the connection.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    links: Vec<Arc<Link>>,
    turn: AtomicUsize,
    scripts: Scripts,
    wait_replicas: u32,
}

/// What must be certain before a step is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certain {
    /// The server has done it.
    Here,
    /// As many replicas as the URL demands have it too: a failover must not bring it back.
    OnReplicas,
}

/// The store at `url`. Returns at once: a Redis that is away is an error of each call, until it is back.
pub fn redis(url: &str) -> Result<Arc<dyn Store>, StoreUrlError> {
    Ok(Arc::new(RedisStore::new(url)?))
}

impl RedisStore {
    /// The store at `url`; connects with the first call, which needs a tokio runtime.
    pub fn new(url: &str) -> Result<RedisStore, StoreUrlError> {
        let url = url::RedisUrl::parse(url)?;
        let count = if url.wait_replicas == 0 { 1 } else { WAITING_LINKS };
        let links = (0..count).map(|_| Link::new(&url)).collect::<Result<_, _>>();
        let shared = Shared {
            links: links.map_err(|_| StoreUrlError::unusable())?,
            turn: AtomicUsize::new(0),
            scripts: Scripts::new(),
            wait_replicas: url.wait_replicas,
        };
        Ok(RedisStore { shared: Arc::new(shared) })
    }

    /// Runs a script: one atomic step.
    async fn step<T: FromRedisValue>(
        &self,
        step: &ScriptInvocation<'_>,
        certain: Certain,
    ) -> Result<T, StoreError> {
        let wait = if certain == Certain::OnReplicas { self.shared.wait_replicas } else { 0 };
        self.link()
            .call(async move |mut connection| {
                let value = step.invoke_async(&mut connection.socket).await?;
                replicated(&mut connection, wait).await?;
                Ok(value)
            })
            .await
    }

    /// Runs one command that only looks.
    async fn look<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, StoreError> {
        self.link()
            .call(async move |mut connection| Ok(command.query_async(&mut connection.socket).await?))
            .await
    }

    /// Writes something that means nothing: a replica and a full or read-only disk still read.
    async fn probe(&self) -> Result<(), StoreError> {
        let link = self.link();
        let wait = self.shared.wait_replicas;
        link.call(async move |mut connection| {
            let mut write = cmd("SET");
            write.arg(keys::PING).arg(1).arg("PX").arg(60_000);
            let () = write.query_async(&mut connection.socket).await?;
            replicated(&mut connection, wait).await?;
            match connection.fault.clone() {
                Some(fault) => {
                    // Looked at again with the next connection: the operator may mend it without a restart.
                    link.renew(&connection, &fault);
                    Err(CallError::Refused(fault))
                }
                None => Ok(()),
            }
        })
        .await
    }

    fn link(&self) -> &Arc<Link> {
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        &self.shared.links[turn % self.shared.links.len()]
    }
}

/// Waits until `wanted` replicas have what this connection wrote; too few is no.
async fn replicated(connection: &mut Connection, wanted: u32) -> Result<(), CallError> {
    if wanted == 0 {
        return Ok(());
    }
    let mut wait = cmd("WAIT");
    wait.arg(wanted).arg(WAIT_MILLIS);
    let have: u32 = wait.query_async(&mut connection.socket).await?;
    if have >= wanted {
        return Ok(());
    }
    Err(CallError::Refused(format!(
        "{have} of {wanted} replicas confirmed it within {WAIT_MILLIS} ms (wait_replicas={wanted})"
    )))
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.shared.links.first().map(ToString::to_string).unwrap_or_default();
        write!(f, "RedisStore({server})")
    }
}

/// What names the challenge and its siblings together; nothing, if it stands alone.
fn root_above(transaction: &TransactionId) -> &str {
    transaction.as_str().split_once('.').map_or("", |(root, _)| root)
}

/// The root by which several challenges may be asked for: no challenge of ours that stands alone is one.
fn root_of(named: Option<&TransactionId>) -> &str {
    named.map(TransactionId::as_str).filter(|id| !id.contains('.')).unwrap_or_default()
}
