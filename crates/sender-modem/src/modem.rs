//! One modem's keeper: finds the port, sets the modem up, gives it work, listens to it, and brings it back when it is lost.
//!
//! ```text
//! open ─▶ set up ─▶ work: orders, reports, a look every few seconds
//!   ▲        │          │
//!   └─ pause ┴──────────┘   whatever fails: one step further on the ladder, without an end
//! ```

mod ladder;
mod mend;
mod serve;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, ReportCode, SendJob};
use mtan_sender::{Detail, ReportTo, Verdict};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};

use crate::at::{AtError, Dialogue, Urc};
use crate::config::ModemConfig;
use crate::gnokiirc::{Line, Place};
use crate::label::label;
use crate::metrics;
use crate::pins::Pins;
use crate::pool::{Answer, Mail, Modems, Seat, Stand};
use crate::port::{self, OpenError, Port};
use crate::reports::{Reports, Sim};
use crate::set_up::Facts;
use crate::words;

/// How often a modem that has nothing to do is looked at.
const BEAT: Duration = Duration::from_secs(15);

/// How often, while it has no network.
const SEARCHING: Duration = Duration::from_secs(2);

/// How long it may look for a network before it is set up anew.
const SEARCH: Duration = Duration::from_secs(120);

/// How often a port that is not there is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// How long a modem is left alone whose network refuses this SIM; it doubles up to an hour.
const OUT_OF_CREDIT: Duration = Duration::from_secs(60);

/// After so many hand-overs without fruit in a row the modem's answers to everything else count for nothing.
const TOO_FRUITLESS: u32 = 3;

/// How long a second port of a modem is left alone.
const SECOND_PORT: Duration = Duration::from_secs(60);

/// What the keepers of a pool share.
pub(crate) struct Shop {
    pub(crate) config: ModemConfig,
    pub(crate) modems: Arc<Modems>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) pins: Pins,
    pub(crate) clock: Arc<dyn Clock>,
    /// Binds parts together.
    pub(crate) reference: AtomicU8,
    /// Where ports have names that outlive a replug.
    pub(crate) by_id: PathBuf,
    /// Modems of a pattern that have left the bus, by those names.
    pub(crate) parted: Mutex<BTreeMap<PathBuf, (Known, u32)>>,
}

/// A job for a modem.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) job: Arc<SendJob>,
    pub(crate) deadline: Timestamp,
    /// Where its delivery is reported.
    pub(crate) report_to: Option<ReportTo>,
}

/// How a port came to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is named in the configuration.
    Named,
    /// A pattern matched it: when it is gone, so is its keeper.
    ByPattern,
}

/// A modem and who looks after it.
pub(crate) struct Keeper {
    shop: Arc<Shop>,
    line: Line,
    place: Place,
    found: Found,
    label: String,
    seat: Seat,
    orders: mpsc::Receiver<Mail>,
    /// The modem that was found behind the port.
    known: Option<Known>,
    /// Failures since the modem was well.
    failures: u32,
    /// Hand-overs in a row to which the modem did not do its part; none since the last SMS that the network took.
    fruitless: u32,
    /// Since when it answers and has no network or no working SIM; a count of the ladder is due after [`SEARCH`].
    idle_since: Option<Instant>,
    /// Jobs in a row that its network refused because of the SIM.
    contract_refusals: u32,
    /// How long it is left alone after the next time that they are too many.
    out_for: Duration,
}

#[derive(Clone)]
pub(crate) struct Known {
    imei: String,
    /// Its name in `/dev/serial/by-id`.
    stable: Option<PathBuf>,
}

impl Shop {
    /// A modem that boots leaves the bus and comes back: what is known of it, and how far its ladder was climbed, waits here.
    fn parts_with(&self, known: Option<Known>, failures: u32) {
        if let Some((name, known)) = known.and_then(|known| Some((known.stable.clone()?, known))) {
            self.parted().insert(name, (known, failures));
        }
    }

    /// What is known of the modem that comes back at `path`.
    fn parted_at(&self, path: &Path) -> Option<(Known, u32)> {
        let name = stable_name(&self.by_id, path)?;
        self.parted().remove(&name)
    }

    fn parted(&self) -> MutexGuard<'_, BTreeMap<PathBuf, (Known, u32)>> {
        self.parted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the work at a modem ended, in plain words.
struct Lost {
    why: String,
    /// What is waited for; `None` = the ladder's pause.
    pause: Option<Duration>,
    /// Nothing is gained by a reset.
    in_order: bool,
    /// The port is not there.
    missing: bool,
    /// The modem stays this port's: another port of it would do no better.
    keeps_claim: bool,
}

impl Lost {
    fn failed(why: impl ToString) -> Lost {
        Lost { why: why.to_string(), pause: None, in_order: false, missing: false, keeps_claim: false }
    }

    fn waits(why: impl ToString, pause: Duration) -> Lost {
        Lost { pause: Some(pause), in_order: true, ..Lost::failed(why) }
    }
}

impl From<AtError> for Lost {
    fn from(error: AtError) -> Lost {
        Lost::failed(error)
    }
}

impl From<OpenError> for Lost {
    fn from(error: OpenError) -> Lost {
        let (missing, pause) = match error {
            OpenError::Missing(_) => (true, LOOK),
            OpenError::Busy { .. } => (false, LOOK * 4),
            OpenError::Forbidden { .. } | OpenError::Other { .. } => (false, LOOK * 10),
        };
        Lost { missing, ..Lost::waits(error, pause) }
    }
}

impl Keeper {
    pub(crate) fn new(shop: &Arc<Shop>, line: &Line, place: Place, found: Found) -> Keeper {
        let label = label(&place);
        let (seat, orders) = shop.modems.join(&label);
        metrics::registered(&label, false);
        let parted = match (&place, found) {
            (Place::Port(path), Found::ByPattern) => shop.parted_at(Path::new(path)),
            _ => None,
        };
        let (known, failures) = parted.map_or((None, 0), |(known, failures)| (Some(known), failures));
        Keeper {
            shop: Arc::clone(shop),
            line: line.clone(),
            place,
            found,
            label,
            seat,
            orders,
            known,
            failures,
            fruitless: 0,
            idle_since: None,
            contract_refusals: 0,
            out_for: OUT_OF_CREDIT,
        }
    }

    /// For ever, or until a port that a pattern had matched is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let lost = match self.shift().await {
                Ok(never) => match never {},
                Err(lost) => lost,
            };
            self.put_away(&lost);
            if lost.missing && self.found == Found::ByPattern {
                self.shop.parts_with(self.known.take(), self.failures);
                return self.shop.modems.leave(self.seat);
            }
            sleep(lost.pause.unwrap_or_else(|| ladder::pause(self.failures))).await;
        }
    }

    /// One opening of the port: ends when the modem is lost.
    async fn shift(&mut self) -> Result<std::convert::Infallible, Lost> {
        let (mut port, place) = self.open().await?;
        let step = ladder::step(self.failures, self.may_reset());
        if step == ladder::Step::None && self.failures > 0 {
            metrics::reset(&self.label, "reopen");
        }
        ladder::climb(step, &mut port, &self.label).await;
        let mut dialogue = Dialogue::new(port);
        let facts = self.set_up(&mut dialogue, step).await?;
        self.recognise(&facts, &place)?;
        self.work(&mut dialogue, facts).await
    }

    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }

    /// A reset goes to what has proved to be a modem, or was named as one: the ports of a pattern may be something else.
    fn may_reset(&self) -> bool {
        self.known.is_some() || self.found == Found::Named
    }

    /// The port where it was, or where its modem is now.
    async fn open(&self) -> Result<(Port, Place), OpenError> {
        let there = Port::open(&self.line, &self.place).await;
        let stable = self.known.as_ref().and_then(|known| known.stable.as_ref());
        match (there, stable) {
            (Err(OpenError::Missing(_)), Some(stable)) => {
                let place = Place::Port(stable.to_string_lossy().into_owned());
                Ok((Port::open(&self.line, &place).await?, place))
            }
            (there, _) => Ok((there?, self.place.clone())),
        }
    }

    /// Notes which modem it is. Another port may have it already, and by its stable name only the same one is taken.
    fn recognise(&mut self, facts: &Facts, place: &Place) -> Result<(), Lost> {
        let imei = facts.imei.clone();
        if let Some(known) = self.known.as_ref().filter(|known| known.imei != imei && !imei.is_empty()) {
            let same_place = *place == self.place;
            warn!(modem = %self.label, expected = ?known.stable.is_some(), "another modem is at this port now");
            if !same_place {
                return Err(Lost::waits("another modem is where this one was", LOOK * 10));
            }
        }
        if !imei.is_empty() {
            let claimed = self.shop.modems.claim(self.seat, &imei);
            claimed.map_err(|other| {
                Lost::waits(format!("is the same modem as {other}, which has the work"), SECOND_PORT)
            })?;
        }
        let stable = match place {
            Place::Port(path) => stable_name(&self.shop.by_id, Path::new(path)),
            Place::Tcp(_) => None,
        };
        self.known = Some(Known { imei, stable });
        Ok(())
    }

    /// Gives it work until it is lost.
    async fn work(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        mut facts: Facts,
    ) -> Result<std::convert::Infallible, Lost> {
        let (mut searching_since, mut looked) = (None, Instant::now());
        self.collect_reports(dialogue, &facts).await?;
        loop {
            self.show(&facts, &mut searching_since);
            let beat = if searching_since.is_some() { SEARCHING } else { BEAT };
            let done = tokio::select! {
                biased;
                Some(mail) = self.orders.recv() => self.serve(dialogue, &facts, mail).await,
                // before what the modem says: one that talks all the time is looked at all the same
                () = sleep_until(looked + beat) => {
                    let looks = self.look(dialogue, &mut facts).await;
                    looked = Instant::now();
                    looks
                }
                said = dialogue.listen() => match said {
                    Ok(Urc::Registration { .. }) => self.look(dialogue, &mut facts).await,
                    Ok(urc) => self.hear(dialogue, &facts, urc).await,
                    Err(error) => Err(error.into()),
                },
            };
            match done {
                Ok(Next::GoOn) => {}
                Ok(Next::SetUp) => facts = self.set_up(dialogue, ladder::Step::None).await?,
                Err(lost) => {
                    // one chance on the open port, then the ladder
                    debug!(modem = %self.label, why = %lost.why, "the modem stumbles");
                    if lost.in_order || !ladder::escape(dialogue).await {
                        return Err(lost);
                    }
                    facts = self.set_up(dialogue, ladder::Step::None).await?;
                }
            }
            if searching_since.is_some_and(|since: Instant| since.elapsed() > SEARCH) {
                self.idle_since = None;
                return Err(Lost::failed("finds no network"));
            }
        }
    }

    /// Tells the pool, the metrics and `/readyz` how it stands.
    fn show(&mut self, facts: &Facts, searching_since: &mut Option<Instant>) {
        let registered = facts.registration.is_registered();
        metrics::registered(&self.label, registered);
        metrics::signal(&self.label, facts.signal);
        self.shop.modems.hears(self.seat, words::network(facts));
        if registered {
            *searching_since = None;
            self.idle_since = None;
            if self.fruitless < TOO_FRUITLESS {
                self.failures = 0;
            }
            // with an order in its box it is at work already
            if self.orders.is_empty() && self.shop.modems.stands(self.seat, Stand::Ready) {
                debug!(modem = %self.label, "ready");
            }
        } else {
            searching_since.get_or_insert_with(Instant::now);
            let why = format!("has no network: {}", words::network(facts));
            if self.shop.modems.stands(self.seat, Stand::Away(why.clone())) {
                warn!(modem = %self.label, "{why}");
            }
            self.refuse_mail(&why);
        }
    }

    fn put_away(&mut self, lost: &Lost) {
        let before = self.failures;
        self.failures = if lost.in_order { self.failures } else { self.failures.saturating_add(1) };
        if !lost.keeps_claim {
            self.shop.modems.release(self.seat);
        }
        let changed = self.shop.modems.stands(self.seat, Stand::Away(lost.why.clone()));
        metrics::registered(&self.label, false);
        metrics::signal(&self.label, None);
        match self.failures {
            ladder::ALARM if before != self.failures && self.may_reset() => error!(
                modem = %self.label, why = %lost.why,
                "ALARM: the modem does not come back by any reset; it is tried on, and somebody should look at it"
            ),
            _ if changed => {
                warn!(modem = %self.label, why = %lost.why, failures = self.failures, "the modem cannot send")
            }
            _ => {
                debug!(modem = %self.label, why = %lost.why, failures = self.failures, "the modem cannot send")
            }
        }
        self.refuse_mail(&lost.why);
    }

    /// An order that came while the modem was being lost goes on to another one.
    fn refuse_mail(&mut self, why: &str) {
        while let Ok((_, answer)) = self.orders.try_recv() {
            let detail = Some(Detail::own(format!("modem {}: {why}", self.label)));
            let verdict = Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail };
            // who asked may have given up
            drop(answer.send(Answer::Lost(verdict)));
        }
    }

    fn greet(&self, facts: &Facts) {
        let (model, network) = (words::model(facts), words::network(facts));
        info!(modem = %self.label, model, network, "the modem is set up");
    }

    /// Under which name the SIM's reports are remembered.
    fn sim(&self, facts: &Facts) -> Sim {
        let names = [facts.imsi.as_str(), &facts.imei, &self.label];
        Sim::new(names.into_iter().find(|name| !name.is_empty()).unwrap_or_default())
    }
}

/// What comes next at a modem that was served or heard.
enum Next {
    GoOn,
    SetUp,
}

/// The link in `folder` that leads to the same port as `path`.
fn stable_name(folder: &Path, path: &Path) -> Option<PathBuf> {
    let real = port::real(path);
    let links = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    links.into_iter().find(|link| port::real(link) == real)
}
