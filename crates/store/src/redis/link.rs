//! The connection: made when somebody needs it, shared by all calls, given up after the first silence, made again.
//!
//! Own code instead of redis-rs' `ConnectionManager`, whose calls wait as long as it reconnects: here a Redis that is
//! known to be away is an error at once, and one attempt at a time, at most every second, finds out when it is back.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, ServerErrorKind};
use mtan_verifier::StoreError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::policy;
use super::url::RedisUrl;

/// Delay after the first failed attempt; doubled with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(50);
/// The longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// Calls that may wait for their turn on the socket.
const BUFFER: usize = 1024;

/// One connection to one server.
pub(super) struct Link {
    client: Client,
    state: watch::Sender<State>,
    /// So far; numbers the connections, so that only the one that failed is given up.
    attempts: AtomicU64,
    timeout: Duration,
    password: Option<String>,
}

#[derive(Clone)]
enum State {
    /// There is none; another attempt may begin at `again`.
    Down { reason: String, again: Instant, failures: u32 },
    /// An attempt is under way. Later than `given_up` it died without a word.
    Connecting { failures: u32, given_up: Instant },
    /// There is one.
    Up(Connection),
}

/// A connection that works, as far as anybody knows.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) socket: MultiplexedConnection,
    /// What is wrong with the server's settings.
    pub(super) fault: Option<String>,
    number: u64,
}

impl Link {
    pub(super) fn new(url: &RedisUrl) -> Result<Arc<Link>, RedisError> {
        let down = State::Down { reason: "not connected yet".into(), again: Instant::now(), failures: 0 };
        Ok(Arc::new(Link {
            client: Client::open(url.info.clone())?,
            state: watch::Sender::new(down),
            attempts: AtomicU64::new(0),
            timeout: url.timeout,
            password: url.password.clone(),
        }))
    }

    /// Runs `call` on the connection, within the time-out, connecting included.
    pub(super) async fn call<T>(
        self: &Arc<Link>,
        call: impl AsyncFnOnce(Connection) -> Result<T, CallError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let connection = match timeout_at(deadline, self.connection()).await {
            Ok(connection) => connection.map_err(StoreError)?,
            Err(_) => return Err(StoreError(self.silence())),
        };
        let number = connection.number;
        match timeout_at(deadline, call(connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(CallError::Refused(text))) => Err(StoreError(text)),
            Ok(Err(CallError::Redis(error))) => {
                let text = self.words(&error);
                if let Some(failures) = breaks(&error) {
                    self.give_up(number, text.clone(), failures);
                }
                Err(StoreError(text))
            }
            Err(_) => {
                // It may be the network: the next call gets a connection of its own. This one's may yet run.
                self.give_up(number, self.silence(), 0);
                Err(StoreError(self.silence()))
            }
        }
    }

    /// Forgets a connection so that the next call makes a new one.
    pub(super) fn renew(&self, connection: &Connection, reason: &str) {
        self.give_up(connection.number, reason.to_owned(), 0);
    }

    /// The connection there is, or the one that is being made, or why there is none.
    async fn connection(self: &Arc<Link>) -> Result<Connection, String> {
        if self.state.send_if_modified(|state| begin_attempt(state, 3 * self.timeout)) {
            tokio::spawn(attempt(Arc::clone(self)));
        }
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting { .. })).await;
        match settled.as_deref() {
            Ok(State::Up(connection)) => Ok(connection.clone()),
            Ok(State::Down { reason, .. }) => Err(reason.clone()),
            Ok(State::Connecting { .. }) | Err(_) => Err("not connected".into()),
        }
    }

    async fn connect(self: &Arc<Link>, number: u64) -> Result<Connection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_pipeline_buffer_size(BUFFER)
            .set_push_sender(goodbye(Arc::downgrade(self), number));
        let mut socket = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let fault = policy::fault(&mut socket).await?;
        Ok(Connection { socket, fault, number })
    }

    /// Gives up connection `number`, unless there is another one by now.
    fn give_up(&self, number: u64, reason: String, failures: u32) {
        self.state.send_if_modified(|state| match state {
            State::Up(connection) if connection.number == number => {
                tracing::warn!(store = %self, %reason, "connection to Redis given up");
                *state = down(reason, failures);
                true
            }
            _ => false,
        });
    }

    fn silence(&self) -> String {
        format!("Redis did not answer within {:?}", self.timeout)
    }

    /// What an error says, without the password: an old server quotes the command that it does not know.
    fn words(&self, error: &RedisError) -> String {
        let text = match error.kind() {
            ErrorKind::Server(ServerErrorKind::ReadOnly) => {
                "this Redis is a read-only replica: name the primary".to_owned()
            }
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                "this Redis is a node of a cluster, which is not supported yet".to_owned()
            }
            _ if error.is_timeout() => self.silence(),
            _ => format!("Redis: {error}"),
        };
        match &self.password {
            Some(password) => text.replace(password.as_str(), ".."),
            None => text,
        }
    }
}

/// Why a call went wrong.
pub(super) enum CallError {
    /// Redis, or the way to it.
    Redis(RedisError),
    /// It went through, and its result is refused.
    Refused(String),
}

impl From<RedisError> for CallError {
    fn from(error: RedisError) -> CallError {
        CallError::Redis(error)
    }
}

/// Moves on to an attempt if one may begin now. `patience` is longer than any attempt takes: what is under way for
/// longer has lost its runtime.
fn begin_attempt(state: &mut State, patience: Duration) -> bool {
    let now = Instant::now();
    let failures = match state {
        State::Down { again, failures, .. } if *again <= now => *failures,
        State::Connecting { given_up, failures } if *given_up <= now => *failures,
        _ => return false,
    };
    *state = State::Connecting { failures, given_up: now + patience };
    true
}

/// One attempt, on a task of its own: who asked first may have given up waiting.
async fn attempt(link: Arc<Link>) {
    let number = link.attempts.fetch_add(1, Ordering::Relaxed);
    let limit = Instant::now() + 2 * link.timeout;
    // A task of its own again: TLS without a crypto provider panics, and that is to be said, not waited for.
    let connecting = tokio::spawn({
        let link = Arc::clone(&link);
        async move { timeout_at(limit, link.connect(number)).await }
    });
    let reason = match connecting.await {
        Ok(Ok(Ok(connection))) => {
            tracing::info!(store = %link, "connected to Redis");
            link.state.send_replace(State::Up(connection));
            return;
        }
        Ok(Ok(Err(error))) => link.words(&error),
        Ok(Err(_)) => link.silence(),
        Err(_) => "connecting to Redis panicked: is a TLS provider installed?".to_owned(),
    };
    link.state.send_modify(|state| {
        let failures = match state {
            State::Connecting { failures, .. } => *failures + 1,
            _ => 1,
        };
        if failures == 1 {
            tracing::warn!(store = %link, %reason, "no connection to Redis");
        }
        *state = down(reason, failures);
    });
}

fn down(reason: String, failures: u32) -> State {
    let delay = match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(further) => (FIRST_DELAY * 2u32.pow(further.min(8))).min(LONGEST_DELAY),
    };
    State::Down { reason, again: Instant::now() + delay, failures }
}

/// Whether the connection is of no more use after `error`; the number says how many failures it counts for.
fn breaks(error: &RedisError) -> Option<u32> {
    match error.kind() {
        // The primary has moved: connecting anew resolves its name anew, but not for every single call.
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Some(1),
        _ if error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout() => Some(0),
        _ => None,
    }
}

/// Notices the end of connection `number`, also while nobody uses it.
fn goodbye(link: Weak<Link>, number: u64) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync {
    move |push| {
        if let (PushKind::Disconnection, Some(link)) = (push.kind, link.upgrade()) {
            link.give_up(number, "Redis closed the connection".into(), 0);
        }
        Ok(())
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        write!(f, "{} db {}", info.addr(), info.redis_settings().db())
    }
}
