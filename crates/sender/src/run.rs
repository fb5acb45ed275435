//! The loop: takes jobs while it may, drains when it must.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mtan_jobs::{ClaimBook, Clock, Consumer, Delivery, Owner, Pool, ReportPublisher};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::afterwards::Afterwards;
use crate::breaker::Stand;
use crate::metrics::InFlight;
use crate::turnstile::Turnstile;
use crate::{Breaker, Deliveries, Provider, Throttle, WhileOpen};

/// How long the end of a sender waits for its last notes: a claim book answers within a second.
const LAST_NOTES: Duration = Duration::from_secs(2);

/// Chance, from 0 up to 1, as an argument: it spreads waits.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Chance from the system.
pub fn os_jitter() -> Jitter {
    // without randomness the waits are the plan's: nothing depends on their spread
    Arc::new(|| getrandom::u32().map_or(0.5, |r| f64::from(r) / (f64::from(u32::MAX) + 1.0)))
}

/// How a sender works.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Jobs in hand at a time; the consumer's prefetch is the same number.
    pub max_in_flight: u16,
    /// How long a claim holds without being renewed. When a sender is lost, its jobs wait that long.
    pub lease: Duration,
    /// How long a stop waits for what is in hand.
    pub drain: Duration,
    /// What becomes of its jobs while its breaker is open.
    pub while_open: WhileOpen,
}

impl Rules {
    /// How many jobs are taken from the queue while the breaker stands so: for a probe one is enough.
    fn fetch(&self, stand: Stand) -> u16 {
        match (self.while_open, stand) {
            (WhileOpen::MoveAlong, _) | (_, Stand::Closed) => self.max_in_flight.max(1),
            (WhileOpen::Rest, Stand::Open { .. }) => 0,
            (WhileOpen::Rest, Stand::HalfOpen { .. }) => 1,
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            max_in_flight: 32,
            lease: Duration::from_secs(15),
            drain: Duration::from_secs(25),
            while_open: WhileOpen::Rest,
        }
    }
}

/// One pool's sender in one process.
pub struct Sender {
    /// Whose jobs it takes.
    pub pool: Pool,
    /// A name that no other running sender has; claims are held under it.
    pub name: String,
    /// Where jobs come from.
    pub consumer: Box<dyn Consumer>,
    /// Where reports go.
    pub reports: Arc<dyn ReportPublisher>,
    /// What keeps an SMS from being sent twice.
    pub claims: Arc<dyn ClaimBook>,
    /// The way out.
    pub provider: Arc<dyn Provider>,
    /// The rate that it keeps to; `None` = as fast as it can.
    pub throttle: Option<Throttle>,
    /// What leaves the way out alone when it fails.
    pub breaker: Arc<Breaker>,
    /// Where its gateway reports delivery; `None` if it does not.
    pub deliveries: Option<Deliveries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The spread of waits.
    pub jitter: Jitter,
    /// How it works.
    pub rules: Rules,
}

impl Sender {
    /// Takes and sends jobs until `stop` is cancelled; then finishes what is in hand, within `rules.drain`.
    ///
    /// What is not finished by then is dropped where it stands: its job is still in the queue and comes again, and
    /// a claim that was held in the middle of a hand-over lapses and counts as one unknown.
    pub async fn run(self, stop: CancellationToken) {
        let Sender { pool, name, mut consumer, reports, claims, provider, throttle, breaker, .. } = self;
        let Sender { deliveries, clock, jitter, rules, .. } = self;
        let turnstile = Turnstile::new(throttle);
        let (drain, slots) = (rules.drain, usize::from(rules.max_in_flight.max(1)));
        let serial = AtomicU64::new(0);
        let room = Arc::new(Postroom {
            pool,
            name,
            serial,
            reports,
            claims,
            provider,
            turnstile,
            breaker,
            deliveries,
            clock,
            jitter,
            rules,
            stop,
            afterwards: Afterwards::default(),
        });
        info!(pool = %room.pool, provider = room.provider.kind(), "sender started");
        room.breaker.show();
        room.provider.start(&room.pool, room.deliveries.clone());
        for warning in room.provider.warnings() {
            warn!(pool = %room.pool, "SMSProviderConfig: {warning}");
        }
        let mut hands = Hands { free: Arc::new(Semaphore::new(slots)), busy: JoinSet::new() };
        let mut noting = JoinSet::new(); // ends with this call, however that ends
        let noter = Arc::clone(&room);
        noting.spawn(async move { noter.afterwards.run(noter.claims.as_ref(), &noter.pool).await });
        hands.take_jobs(&room, consumer.as_mut()).await;
        let finished = timeout(drain, async { tokio::join!(consumer.cancel(), hands.finish()) }).await;
        room.afterwards.close();
        if timeout(LAST_NOTES, noting.join_next()).await.is_err() {
            debug!(pool = %room.pool, "the last notes were not kept: a duplicate would repeat its report");
        }
        match finished {
            Ok(_) => info!(pool = %room.pool, "sender drained"),
            Err(_) => warn!(
                pool = %room.pool, left = hands.busy.len(),
                "drain time is over: what is left comes again from the queue"
            ),
        }
    }
}

/// What the jobs in hand share.
pub(crate) struct Postroom {
    pub(crate) pool: Pool,
    name: String,
    serial: AtomicU64,
    pub(crate) reports: Arc<dyn ReportPublisher>,
    pub(crate) claims: Arc<dyn ClaimBook>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) turnstile: Turnstile,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) deliveries: Option<Deliveries>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Jitter,
    pub(crate) rules: Rules,
    pub(crate) stop: CancellationToken,
    pub(crate) afterwards: Afterwards,
}

impl Postroom {
    /// A new owner of a claim: not even the same job's next delivery has the same.
    pub(crate) fn new_owner(&self) -> Owner {
        Owner(format!("{}-{}", self.name, self.serial.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The jobs in hand, and how many more may be taken.
struct Hands {
    free: Arc<Semaphore>,
    busy: JoinSet<()>,
}

impl Hands {
    /// Until the stop, or until the consumer has no more. What the breaker does not let through is not taken.
    async fn take_jobs(&mut self, room: &Arc<Postroom>, consumer: &mut dyn Consumer) {
        let mut changes = room.breaker.watch();
        let mut fetching = room.rules.fetch(Stand::Closed);
        loop {
            // in this order: what changes after the look is seen below
            changes.mark_unchanged();
            let stand = room.breaker.look();
            let fetch = room.rules.fetch(stand);
            if fetch != fetching {
                tokio::select! {
                    biased;
                    () = room.stop.cancelled() => return,
                    () = consumer.fetch(fetch) => fetching = fetch,
                }
            }
            let taken = tokio::select! {
                biased;
                () = room.stop.cancelled() => return,
                _ = changes.changed() => continue,
                () = over(stand) => continue,
                taken = self.take_one(consumer), if fetch > 0 => taken,
            };
            let Some((delivery, hand)) = taken else { return };
            // the set and the gauge have it before its task runs: a stop cannot see zero too early
            let (room, counted) = (Arc::clone(room), InFlight::count(&room.pool));
            self.busy.spawn(async move {
                room.handle(delivery).await;
                drop((hand, counted));
            });
            while let Some(done) = self.busy.try_join_next() {
                note(done);
            }
        }
    }

    async fn take_one(
        &self,
        consumer: &mut dyn Consumer,
    ) -> Option<(Delivery, tokio::sync::OwnedSemaphorePermit)> {
        let hand = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some((consumer.next().await?, hand))
    }

    async fn finish(&mut self) {
        while let Some(done) = self.busy.join_next().await {
            note(done);
        }
    }
}

/// Until a breaker that stands open is so no more.
async fn over(stand: Stand) {
    match stand {
        Stand::Open { until } => sleep_until(until).await,
        Stand::Closed | Stand::HalfOpen { .. } => std::future::pending().await,
    }
}

fn note(done: Result<(), tokio::task::JoinError>) {
    if let Err(e) = done {
        // the job was let go of by dropping it: the queue still has it
        error!(error = %e, "the work on a job ended by itself");
    }
}
