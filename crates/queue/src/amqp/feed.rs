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
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::link::{LET_THEM_NOTICE, Link, Live, State, backoff};
use super::parcel::Parcel;
use super::topology;
use super::watch::{Look, Watch};

/// For the broker's answer to a cancel, or to opening a session.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

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
    pub(super) looker: Channel,
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
    prefetch: watch::Sender<u16>,
    stop: CancellationToken,
}

/// What has come and was not taken yet (at most the prefetch), and how the consuming goes.
pub(super) struct Shelf {
    parcels: Mutex<VecDeque<Parcel>>,
    more: Notify,
    state: Mutex<Result<(), String>>,
    /// The prefetch that is in force: all that had come by another one and was not taken went back.
    prefetch: watch::Sender<u16>,
    stopped: CancellationToken,
}

impl Shelf {
    /// Whether the consumer consumes; also when it rests or was stopped, for then nobody wants it to.
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
            prefetch: watch::Sender::new(prefetch),
            stopped: CancellationToken::new(),
        });
        let (prefetch, wanted) = watch::channel(prefetch);
        let consuming =
            Consuming { link, source, prefetch: wanted, shelf: shelf.clone(), stop: stop.clone() };
        tokio::spawn(consuming.run());
        Feed { shelf, prefetch, stop }
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

    /// Has at most `most` in hand from now on, beside what is in hand already; with 0 it rests. Returns when everything
    /// that was not taken is on its way back.
    pub(super) async fn fetch(&mut self, most: u16) {
        let mut in_force = self.shelf.prefetch.subscribe();
        self.prefetch.send_replace(most);
        tokio::select! {
            _ = in_force.wait_for(|prefetch| *prefetch == most) => {}
            () = self.shelf.stopped.cancelled() => {}
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

/// How a session ended.
enum End {
    /// It was to stop.
    Stopped,
    /// Another session is wanted: there was nothing to do for long, or the prefetch is another one.
    Again,
    /// It broke.
    Lost(String),
}

struct Consuming {
    link: Link,
    source: Source,
    /// What is wanted; 0 = a rest.
    prefetch: watch::Receiver<u16>,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
}

impl Consuming {
    async fn run(mut self) {
        let mut waits = backoff();
        while let Some(prefetch) = self.wanted().await {
            let live = tokio::select! {
                live = self.connection() => live,
                () = self.another_than(prefetch) => continue,
            };
            let Some(live) = live else { break };
            let wait = match self.open(&live, prefetch).await {
                Ok((session, deliveries)) => {
                    waits = backoff();
                    match self.serve(session, deliveries, prefetch).await {
                        End::Stopped => break,
                        End::Again => continue,
                        End::Lost(why) => self.down(why),
                    }
                    LET_THEM_NOTICE
                }
                Err(why) => {
                    self.down(why);
                    waits.next().unwrap_or(ANSWER_WITHIN)
                }
            };
            tokio::select! {
                () = self.pause(&live, wait) => {}
                () = self.another_than(prefetch) => {}
            }
            if self.stop.is_cancelled() {
                break;
            }
        }
        self.shelf.stopped.cancel();
    }

    /// The prefetch, once there is one; `None` = told to stop. A rest is no fault: whoever asks hears that all is well.
    async fn wanted(&mut self) -> Option<u16> {
        loop {
            let prefetch = *self.prefetch.borrow_and_update();
            if prefetch != *self.shelf.prefetch.borrow() {
                self.give_back().await;
                self.shelf.prefetch.send_replace(prefetch);
            }
            if prefetch > 0 {
                return Some(prefetch);
            }
            *self.shelf.state() = Ok(());
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = self.link.stopped() => return None,
                changed = self.prefetch.changed() => changed.ok()?,
            }
        }
    }

    /// Until another prefetch is wanted.
    async fn another_than(&self, prefetch: u16) {
        let mut wanted = self.prefetch.clone();
        if wanted.wait_for(|wanted| *wanted != prefetch).await.is_err() {
            std::future::pending().await // nobody is there to want it: the stop is on its way
        }
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

    /// The queue, its consumer, and a second channel to look at the queue.
    async fn open(&self, live: &Arc<Live>, prefetch: u16) -> Result<(Arc<Session>, lapin::Consumer), String> {
        let opening = async {
            self.source.declare(&live.connection).await?;
            let looker = live.connection.create_channel().await?;
            let channel = live.connection.create_channel().await?;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let arguments = FieldTable::default();
            let deliveries =
                channel.basic_consume(self.source.queue().into(), "".into(), options, arguments).await?;
            lapin::Result::Ok((channel, looker, deliveries))
        };
        let opened = timeout(ANSWER_WITHIN, opening).await;
        let opened = opened.map_err(|_| "no answer from the broker".to_owned())?;
        let (channel, looker, deliveries) = opened.map_err(|error| error.to_string())?;
        let session = Session { channel, looker, over: AtomicBool::new(false), _live: live.clone() };
        Ok((Arc::new(session), deliveries))
    }

    /// Takes what comes until the session ends.
    async fn serve(&self, session: Arc<Session>, mut deliveries: lapin::Consumer, prefetch: u16) -> End {
        self.up();
        let mut watch = Watch::new(self.source.queue(), prefetch);
        let why = loop {
            tokio::select! {
                () = self.stop.cancelled() => {
                    self.unsubscribe(&session, &mut deliveries).await.ok(); // on the way out in any case
                    self.give_back().await;
                    return End::Stopped;
                }
                () = self.another_than(prefetch) => match self.unsubscribe(&session, &mut deliveries).await {
                    Ok(()) => return End::Again,
                    Err(why) => break why,
                },
                delivery = deliveries.next() => match delivery {
                    Some(Ok(delivery)) => {
                        watch.something_came();
                        self.shelf.put(Parcel::new(delivery, session.clone()));
                    }
                    Some(Err(error)) => break error.to_string(),
                    None => break "the broker ended it: the queue is gone, or has moved".to_owned(),
                },
                () = watch.time_to_look() => match watch.look(&session).await {
                    Look::Fine => {}
                    Look::Unserved(why) => break why,
                    Look::Idle => match self.unsubscribe(&session, &mut deliveries).await {
                        Ok(()) => return End::Again,
                        Err(why) => break why,
                    },
                },
            }
        };
        session.over.store(true, Ordering::Release);
        self.shelf.parcels().clear(); // all of this comes again
        End::Lost(why)
    }

    /// Takes no more, and puts what was on its way on the shelf: it can be settled for as long as the session lives.
    async fn unsubscribe(
        &self,
        session: &Arc<Session>,
        deliveries: &mut lapin::Consumer,
    ) -> Result<(), String> {
        let ending = async {
            session.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default()).await?;
            while let Some(delivery) = deliveries.next().await {
                self.shelf.put(Parcel::new(delivery?, session.clone()));
            }
            lapin::Result::Ok(())
        };
        let ended = timeout(ANSWER_WITHIN, ending).await;
        let ended = ended.map_err(|_| "no answer to the cancel of a consumer".to_owned())?;
        ended.map_err(|error| error.to_string())
    }

    /// What nobody has taken goes back.
    async fn give_back(&self) {
        let parcels = std::mem::take(&mut *self.shelf.parcels());
        for parcel in parcels {
            parcel.give_back().await.ok(); // where that fails the connection is gone, which gives it back too
        }
    }

    fn up(&self) {
        let mut state = self.shelf.state();
        if state.is_err() {
            info!(queue = %self.source.queue(), "consuming");
            *state = Ok(());
        }
    }

    fn down(&self, why: String) {
        if self.stop.is_cancelled() {
            return;
        }
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
