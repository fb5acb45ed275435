//! Consuming one queue for as long as anybody wants it: session after session, whatever ends the last one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use mtan_jobs::Pool;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::link::{Link, Live, State, backoff};
use super::parcel::Parcel;
use super::topology;

/// For the broker's answer to a cancel, or to opening a session.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A session that ended sooner is not opened again at once.
const STEADY_AFTER: Duration = Duration::from_secs(1);

/// What is consumed.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The jobs of a pool.
    Jobs(Pool),
    /// The ledger's reports.
    Reports,
}

impl Source {
    fn queue(&self) -> String {
        match self {
            Source::Jobs(pool) => topology::send_queue(pool),
            Source::Reports => topology::LEDGER.to_owned(),
        }
    }

    async fn declare(&self, connection: &Connection) -> lapin::Result<()> {
        match self {
            Source::Jobs(pool) => topology::declare_pool(connection, pool).await,
            Source::Reports => topology::declare_ledger(connection).await,
        }
    }
}

/// One channel with its consumer. Lives until the last delivery from it is settled: a channel that is closed
/// gives everything back.
pub(super) struct Session {
    channel: Channel,
    over: AtomicBool,
    _live: Arc<Live>,
}

impl Session {
    /// The connection or channel is gone: what came by it will come again.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// Deliveries of one queue, in the order in which they came.
pub(super) struct Feed {
    shelf: Arc<Shelf>,
    stop: CancellationToken,
}

/// What has come and was not taken yet (at most the prefetch), and how the consuming goes.
pub(super) struct Shelf {
    parcels: Mutex<VecDeque<Parcel>>,
    more: Notify,
    state: Mutex<Result<(), String>>,
    stopped: CancellationToken,
}

impl Shelf {
    /// Whether the consumer consumes; also when it was stopped, for then nobody wants it to.
    pub(super) fn ready(&self) -> Result<(), String> {
        if self.stopped.is_cancelled() { Ok(()) } else { self.state().clone() }
    }

    fn state(&self) -> MutexGuard<'_, Result<(), String>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parcels(&self) -> MutexGuard<'_, VecDeque<Parcel>> {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, parcel: Parcel) {
        self.parcels().push_back(parcel);
        self.more.notify_one();
    }
}

impl Feed {
    /// Starts consuming on the current runtime, until `stop`.
    pub(super) fn start(link: Link, source: Source, prefetch: u16, stop: CancellationToken) -> Feed {
        let waiting = Err(format!("queue {} is not yet consumed", source.queue()));
        let shelf = Arc::new(Shelf {
            parcels: Mutex::default(),
            more: Notify::new(),
            state: Mutex::new(waiting),
            stopped: CancellationToken::new(),
        });
        let consuming = Consuming { link, source, prefetch, shelf: shelf.clone(), stop: stop.clone() };
        tokio::spawn(consuming.run());
        Feed { shelf, stop }
    }

    pub(super) fn shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }

    /// The next delivery; `None` after the stop, when all that had come went back.
    pub(super) async fn next(&mut self) -> Option<Parcel> {
        loop {
            let more = self.shelf.more.notified();
            if self.stop.is_cancelled() {
                return None;
            }
            let parcel = self.shelf.parcels().pop_front();
            match parcel {
                Some(parcel) if parcel.session.is_over() => {}
                Some(parcel) => return Some(parcel),
                None => tokio::select! {
                    () = more => {}
                    () = self.stop.cancelled() => return None,
                },
            }
        }
    }

    /// Stops, and returns when everything that was not taken is on its way back.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        self.shelf.stopped.cancelled().await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Consuming {
    link: Link,
    source: Source,
    prefetch: u16,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
}

impl Consuming {
    async fn run(self) {
        let mut waits = backoff();
        while let Some(live) = self.connection().await {
            let since = Instant::now();
            let why = match self.open(&live).await {
                Ok((session, deliveries)) => self.serve(session, deliveries).await,
                Err(why) => why,
            };
            if self.stop.is_cancelled() {
                break;
            }
            self.down(why);
            if since.elapsed() > STEADY_AFTER {
                waits = backoff();
            } else {
                self.pause(&live, waits.next().unwrap_or(STEADY_AFTER)).await;
            }
        }
        self.shelf.stopped.cancel();
    }

    /// The next connection that is up; `None` = told to stop.
    async fn connection(&self) -> Option<Arc<Live>> {
        let mut states = self.link.states();
        let up = states.wait_for(|state| matches!(state, State::Up(_)));
        let state = tokio::select! {
            () = self.stop.cancelled() => return None,
            () = self.link.stopped() => return None,
            state = up => state.ok()?.clone(),
        };
        match state {
            State::Up(live) => Some(live),
            State::Down(_) => None, // not what was waited for
        }
    }

    /// Waits that long, or for another connection than this one.
    async fn pause(&self, live: &Arc<Live>, wait: Duration) {
        let mut states = self.link.states();
        let another = states.wait_for(|state| matches!(state, State::Up(up) if !Arc::ptr_eq(up, live)));
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(wait) => {}
            _ = another => {}
        }
    }

    async fn open(&self, live: &Arc<Live>) -> Result<(Arc<Session>, lapin::Consumer), String> {
        let opening = async {
            self.source.declare(&live.connection).await?;
            let channel = live.connection.create_channel().await?;
            channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let arguments = FieldTable::default();
            let deliveries =
                channel.basic_consume(self.source.queue().into(), "".into(), options, arguments).await?;
            lapin::Result::Ok((channel, deliveries))
        };
        let opened = timeout(ANSWER_WITHIN, opening).await;
        let opened = opened.map_err(|_| "no answer from the broker".to_owned())?;
        let (channel, deliveries) = opened.map_err(|error| error.to_string())?;
        Ok((Arc::new(Session { channel, over: AtomicBool::new(false), _live: live.clone() }), deliveries))
    }

    /// Takes what comes until the session ends; the reason is returned.
    async fn serve(&self, session: Arc<Session>, mut deliveries: lapin::Consumer) -> String {
        info!(queue = %self.source.queue(), "consuming");
        *self.shelf.state() = Ok(());
        let why = loop {
            tokio::select! {
                () = self.stop.cancelled() => {
                    self.cancel(&session, &mut deliveries).await;
                    return "stopped".to_owned();
                }
                delivery = deliveries.next() => match delivery {
                    Some(Ok(delivery)) => self.shelf.put(Parcel::new(delivery, session.clone())),
                    Some(Err(error)) => break error.to_string(),
                    None => break "the broker ended it: the queue is gone, or has moved".to_owned(),
                }
            }
        };
        session.over.store(true, Ordering::Release);
        self.shelf.parcels().clear(); // all of this comes again
        why
    }

    async fn cancel(&self, session: &Arc<Session>, deliveries: &mut lapin::Consumer) {
        let cancelled = session.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
        if timeout(ANSWER_WITHIN, cancelled).await.is_err() {
            warn!(queue = %self.source.queue(), "no answer to the cancel of a consumer");
        }
        let unread = async {
            while let Some(Ok(delivery)) = deliveries.next().await {
                self.shelf.put(Parcel::new(delivery, session.clone()));
            }
        };
        timeout(ANSWER_WITHIN, unread).await.ok();
        let parcels = std::mem::take(&mut *self.shelf.parcels());
        for parcel in parcels {
            parcel.give_back().await.ok(); // where that fails the connection is gone, which gives it back too
        }
    }

    fn down(&self, why: String) {
        let queue = self.source.queue();
        let why = format!("queue {queue} is not consumed: {why}");
        let news = *self.shelf.state() != Err(why.clone());
        if news {
            warn!(%queue, reason = %why, "not consuming, trying on");
        }
        *self.shelf.state() = Err(why);
    }
}

/// Given back without harm: `nack`, for from RabbitMQ 4.3 on `reject` counts towards the delivery limit.
pub(super) const GIVE_BACK: BasicNackOptions = BasicNackOptions { multiple: false, requeue: true };
