//! The reconnect loop: one connection for one role, made again and again until it is told to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, iter};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::StreamExt;
use lapin::Connection;
use mtan_jobs::Pool;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::address::Address;
use super::channels::Channels;
use super::socket::{self, Socket};
use super::topology;

/// How often the connection's own word is asked for: its events come at once, but not in every case.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The topology, some forty round trips.
const DECLARE_WITHIN: Duration = Duration::from_secs(20);
/// A pool that came while the process runs has so long to be declared before its lack makes anybody unready.
const NEW_FOR: Duration = Duration::from_secs(3);
/// A connection that ended sooner is not made again at once.
const STEADY_AFTER: Duration = Duration::from_secs(1);
/// RabbitMQ tells the consumers of a deleted queue that it is gone, unless there is another one of that name by the
/// time it gets to it: then they stay consumers of nothing. So nobody hurries to declare a lost queue again.
pub(super) const LET_THEM_NOTICE: Duration = Duration::from_secs(1);
/// For the goodbye to the broker.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// What a connection is for. An alarm of the broker blocks connections that publish; acknowledgements must go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Publish,
    Consume,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Publish => "publish",
            Role::Consume => "consume",
        })
    }
}

/// The connection of one role, up or down. Clones are the same link.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    role: Role,
    address: Address,
    name: String,
    state: watch::Sender<State>,
    /// The pools whose queues are ours to declare, and since when.
    pools: Mutex<BTreeMap<Pool, Instant>>,
    more_pools: Notify,
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// What the link is now.
#[derive(Clone)]
pub(super) enum State {
    /// No connection, and why.
    Down(String),
    /// Connected, and the topology stands.
    Up(Arc<Live>),
}

/// One connection that is up, until it breaks.
pub(super) struct Live {
    pub(super) connection: Connection,
    pub(super) channels: Channels,
    declared: watch::Sender<BTreeSet<Pool>>,
    broken: Mutex<Option<String>>,
    breaking: CancellationToken,
    socket: Socket,
}

impl Live {
    /// Says that the connection is of no use any more: it is dropped and made again.
    pub(super) fn fail(&self, why: impl fmt::Display) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_string());
        self.breaking.cancel();
    }

    /// Whether the broker has stopped taking messages, by a memory or disk alarm.
    pub(super) fn blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits until the queue of `pool` is declared on this connection.
    pub(super) async fn declared(&self, pool: &Pool) {
        let mut declared = self.declared.subscribe();
        declared.wait_for(|pools| pools.contains(pool)).await.ok(); // the sender is in self
    }

    fn knows(&self, pool: &Pool) -> bool {
        self.declared.borrow().contains(pool)
    }

    /// Returns when the connection has ended, with the reason.
    async fn ended(&self) -> String {
        let mut events = Box::pin(self.connection.events_listener());
        loop {
            tokio::select! {
                () = self.breaking.cancelled() => {
                    let why = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
                    return why.clone().unwrap_or_default();
                }
                _event = events.next() => {} // also tells of channels that ended; the status tells them apart
                () = sleep(LOOK_EVERY) => {}
            }
            let status = self.connection.status();
            if !status.connected() {
                return "the connection to the broker ended".to_owned();
            }
        }
    }

    async fn close(&self) {
        timeout(CLOSE_WITHIN, self.connection.close(200, "goodbye".into())).await.ok();
        self.socket.cut();
    }
}

impl Link {
    /// Starts the loop on the current runtime.
    pub(super) fn start(role: Role, address: Address, process: &str, stop: CancellationToken) -> Link {
        let link = Link(Arc::new(Inner {
            role,
            address,
            name: format!("{process} {role}"),
            state: watch::Sender::new(State::Down("not yet connected".to_owned())),
            pools: Mutex::default(),
            more_pools: Notify::new(),
            stop,
            stopped: CancellationToken::new(),
        }));
        let looped = link.clone();
        tokio::spawn(async move {
            looped.run().await;
            looped.0.stopped.cancel();
        });
        link
    }

    /// The connection, or why there is none.
    pub(super) fn live(&self) -> Result<Arc<Live>, String> {
        match &*self.0.state.borrow() {
            State::Up(live) => Ok(live.clone()),
            State::Down(why) => Err(why.clone()),
        }
    }

    /// The link's states as they come.
    pub(super) fn states(&self) -> watch::Receiver<State> {
        self.0.state.subscribe()
    }

    /// Makes these pools' queues part of the topology.
    pub(super) fn add_pools(&self, pools: &[Pool]) {
        let (now, mut known) = (Instant::now(), self.pools());
        for pool in pools {
            known.entry(pool.clone()).or_insert(now);
        }
        drop(known);
        self.0.more_pools.notify_one();
    }

    /// Whether the queue of `pool` is ours to declare.
    pub(super) fn is_ours(&self, pool: &Pool) -> bool {
        self.pools().contains_key(pool)
    }

    /// The queue of `pool` is not where it was declared: it is declared again, after [`LET_THEM_NOTICE`].
    pub(super) fn redeclare(&self, live: &Live, pool: &Pool) {
        if live.declared.send_if_modified(|declared| declared.remove(pool)) {
            let link = self.clone();
            tokio::spawn(async move {
                sleep(LET_THEM_NOTICE).await;
                link.0.more_pools.notify_one();
            });
        }
    }

    /// Whether the connection is up with its topology, and not blocked.
    pub(super) fn ready(&self) -> Result<(), String> {
        let live = self.live().map_err(|why| self.tell(&why))?;
        if live.blocked() {
            return Err(self.tell("blocked by an alarm of the broker (memory or disk)"));
        }
        // one that has just come is being declared, and who publishes to it waits for that; others have nothing to do with it
        let missing = |(pool, since): &(&Pool, &Instant)| !live.knows(pool) && since.elapsed() > NEW_FOR;
        if let Some((pool, _)) = self.pools().iter().find(missing) {
            return Err(self.tell(&format!("the queue of pool {pool} is not declared")));
        }
        live.channels.ready().map_err(|why| self.tell(&why))
    }

    /// Returns when the loop has said goodbye and ended.
    pub(super) async fn stopped(&self) {
        self.0.stopped.cancelled().await;
    }

    fn tell(&self, why: &str) -> String {
        format!("{} connection to broker {}: {why}", self.0.role, self.0.address)
    }

    fn pools(&self) -> std::sync::MutexGuard<'_, BTreeMap<Pool, Instant>> {
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) {
        while let Some(live) = self.connect().await {
            let since = Instant::now();
            info!(role = %self.0.role, broker = %self.0.address, "connected to the broker");
            metrics::counter!("mtan_queue_connections_total", "role" => self.0.role.to_string()).increment(1);
            self.0.state.send_replace(State::Up(live.clone()));
            let why = self.serve(&live).await;
            self.down(why);
            live.close().await;
            if self.0.stop.is_cancelled() {
                return;
            }
            if since.elapsed() < STEADY_AFTER && self.pause(&mut backoff()).await.is_none() {
                return;
            }
        }
    }

    /// Tries until it is connected and the topology stands; `None` = told to stop.
    async fn connect(&self) -> Option<Arc<Live>> {
        let mut waits = backoff();
        loop {
            let tried = tokio::select! {
                () = self.0.stop.cancelled() => return None,
                tried = self.open() => tried,
            };
            match tried {
                Ok(live) => return Some(Arc::new(live)),
                Err(why) => self.down(why),
            }
            self.pause(&mut waits).await?;
        }
    }

    async fn pause(&self, waits: &mut impl Iterator<Item = Duration>) -> Option<()> {
        let wait = waits.next().unwrap_or(MAX_WAIT);
        tokio::select! {
            () = self.0.stop.cancelled() => None,
            () = sleep(wait) => Some(()),
        }
    }

    async fn open(&self) -> Result<Live, String> {
        let (connection, socket) = socket::open(self.0.address.uri(self.0.role), &self.0.name).await?;
        let live = Live {
            channels: Channels::of(&connection),
            connection,
            declared: watch::Sender::default(),
            broken: Mutex::default(),
            breaking: CancellationToken::new(),
            socket,
        };
        let declared = timeout(DECLARE_WITHIN, self.declare(&live)).await;
        let declared = declared.unwrap_or_else(|_| Err(format!("no topology in {DECLARE_WITHIN:?}")));
        if let Err(why) = declared {
            live.close().await;
            return Err(why);
        }
        Ok(live)
    }

    /// Consumers declare their own queue, each time before they consume.
    async fn declare(&self, live: &Live) -> Result<(), String> {
        if self.0.role == Role::Consume {
            return Ok(());
        }
        topology::declare_base(&live.connection).await.map_err(|error| error.to_string())?;
        self.declare_pools(live).await
    }

    async fn declare_pools(&self, live: &Live) -> Result<(), String> {
        let missing: Vec<Pool> = self.pools().keys().filter(|pool| !live.knows(pool)).cloned().collect();
        for pool in missing {
            let done = topology::declare_pool(&live.connection, &pool).await;
            done.map_err(|error| format!("pool {pool}: {error}"))?;
            live.declared.send_modify(|declared| {
                declared.insert(pool);
            });
        }
        Ok(())
    }

    /// Keeps the connection until it ends; the reason is returned.
    async fn serve(&self, live: &Live) -> String {
        let ended = live.ended();
        tokio::pin!(ended);
        loop {
            tokio::select! {
                () = self.0.stop.cancelled() => return "closed".to_owned(),
                why = &mut ended => return why,
                () = self.0.more_pools.notified() => {
                    let declared = timeout(DECLARE_WITHIN, self.declare_pools(live)).await;
                    if let Err(why) = declared.unwrap_or_else(|_| Err("no answer to a declaration".to_owned())) {
                        return why;
                    }
                }
            }
        }
    }

    fn down(&self, why: String) {
        let news = !matches!(&*self.0.state.borrow(), State::Down(known) if *known == why);
        if news && !self.0.stop.is_cancelled() {
            warn!(role = %self.0.role, broker = %self.0.address, reason = %why, "no connection to the broker, trying on");
        }
        self.0.state.send_replace(State::Down(why));
    }
}

const MAX_WAIT: Duration = Duration::from_secs(5);

/// 200 ms, doubled up to 5 s, with jitter, without end.
pub(super) fn backoff() -> impl Iterator<Item = Duration> + Send {
    let waits = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(MAX_WAIT)
        .with_jitter()
        .without_max_times()
        .build();
    waits.map(|wait| wait.min(MAX_WAIT)).chain(iter::repeat(MAX_WAIT)) // jitter comes on top
}
