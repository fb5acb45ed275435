//! The senders of this process: one for each configured pool.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, Fault, Health, PoolConfig, SenderSection};
use mtan_jobs::{Clock, Pool, SystemClock};
use mtan_queue::{Announcement, Provided};
use mtan_sender::daemon::take_callbacks;
use mtan_sender::{Build, CallbackFace, Deliveries, Fallen, Lineup, Outfit, ProviderKind, Roster, Way};
use mtan_sender_http::HttpProvider;
use mtan_sender_modem::ModemProvider;
use mtan_sender_smtp::SmtpProvider;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::backends::Backends;

/// What the configuration says about sending.
pub(crate) struct Sending {
    /// The ways of the file, built on trial; or the demo's only one.
    pub(crate) ways: Vec<Way>,
    /// The same, to be exchanged while it runs.
    lineup: Lineup<'static>,
    /// How long a stop waits for them.
    drain: Duration,
    /// Where gateways report delivery.
    face: Option<CallbackFace>,
    /// What is configured for that and changes nothing.
    pub(crate) warning: Option<String>,
}

impl Sending {
    /// Mistakes become faults of the configuration, which was read from `file`.
    pub(crate) fn read(config: &mut Config, file: Option<&Path>, clock: &Arc<dyn Clock>) -> Sending {
        let section: SenderSection = config.section("sender");
        let drain = Duration::from_secs(section.drain_seconds);
        let pools = mtan_daemon::pools(config);
        let ways: Vec<Way> = pools.iter().filter_map(|pool| way(config, pool, clock, drain)).collect();
        let face = CallbackFace::read(config, &section, &ways, true);
        let warning = CallbackFace::unused(&section, &ways).filter(|_| face.is_none());
        let lineup = Lineup::new(config, file, pools, &builds, clock.clone(), drain);
        Sending { ways, lineup, drain, face, warning }
    }

    /// Starts a sender for each way, and the listener for delivery reports; the senders drain when `stop` comes.
    pub(crate) async fn start(
        self,
        backends: &Backends,
        clock: &Arc<dyn Clock>,
        health: &Health,
        stop: &CancellationToken,
    ) -> io::Result<Running> {
        let Sending { ways, lineup, drain, face, .. } = self;
        let Backends { queue, books, .. } = backends;
        let end = CancellationToken::new();
        let deliveries = Deliveries::new(queue, books.deliveries.clone(), clock.clone(), face.as_ref());
        let called = match &face {
            Some(face) => Some(take_callbacks(face, deliveries.clone(), end.clone()).await?),
            None => None,
        };
        let (queue, books, health) = (queue.clone(), books.clone(), health.clone());
        let outfit = Outfit { queue, books, deliveries, clock: clock.clone(), drain, health };
        let roster = Roster::new(outfit, stop.clone());
        if lineup.is_empty() {
            roster.exchange(ways, &[]);
        } else {
            lineup.apply(&roster);
        }
        Ok(Running { roster, lineup, end, called })
    }
}

/// Senders at work.
pub(crate) struct Running {
    roster: Roster,
    lineup: Lineup<'static>,
    end: CancellationToken,
    called: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// What administrators set is `provided` from now on.
    pub(crate) fn take(&mut self, provided: &Provided) {
        // a demo goes on until there is something to take its place
        if self.lineup.is_empty() && provided.kinds.is_empty() {
            return;
        }
        let (revision, pools) = (provided.revision, provided.kinds.values().flatten().cloned().collect());
        self.lineup.take(Announcement { revision, pools, elsewhere: Vec::new() }, &self.roster);
    }

    /// Whether there is a pool of the file, or one that was set.
    pub(crate) fn has_pools(&self) -> bool {
        !self.lineup.is_empty()
    }

    /// Reads the configuration again.
    pub(crate) fn reload(&mut self) {
        self.lineup.reload(&self.roster);
    }

    /// Until the last job is done; delivery reports are taken until then.
    pub(crate) async fn wait(self) -> Result<(), Fallen> {
        let waited = self.roster.wait().await;
        self.end.cancel();
        if let Some(called) = self.called
            && let Err(error) = called.await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        {
            warn!(%error, "the listener for delivery reports ended badly");
        }
        waited
    }
}

/// How the providers of each kind are made.
fn builds(kind: ProviderKind) -> Option<Build<'static>> {
    Some(match kind {
        ProviderKind::Http => &HttpProvider::from_json,
        ProviderKind::Smtp => &SmtpProvider::from_json,
        ProviderKind::Device => &ModemProvider::from_json,
    })
}

fn way(config: &mut Config, pool: &PoolConfig, clock: &Arc<dyn Clock>, drain: Duration) -> Option<Way> {
    let build = Way::kind(config, pool).and_then(builds)?;
    Way::read(config, pool, clock, drain, build)
}

/// Reads a provider that an administrator sets as it will be read when it is taken: the kind of sender that it needs, or each
/// mistake with its key. `folder` is where relative paths start.
pub(crate) fn check(class: &str, config: &str, folder: &Path) -> Result<&'static str, Vec<Fault>> {
    let kind = mtan_otp_api::check_provider(class, config)?;
    let of_class = class.parse::<ProviderKind>().ok().and_then(builds);
    let build = of_class.expect("a class with a kind has a provider");
    build(config, folder, Arc::new(SystemClock)).map(|_| kind)
}

/// Where the provider of `pool` is configured.
pub(crate) fn key_of(pool: &Pool) -> String {
    if *pool == Pool::default_pool() {
        return "sms.SMSProviderConfig".to_owned();
    }
    format!("pools.{pool}.SMSProviderConfig")
}
