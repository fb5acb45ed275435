//! One sender over a quorum queue, with its claim book in Redis, against a bare loop: consume, hand over, publish the
//! report and wait for its confirm, acknowledge. By HTTP here; `smtp` has the way by mail.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use mtan_daemon::Fault;
use mtan_jobs::{ClaimBook, SystemClock};
use mtan_sender::Provider;
use mtan_sender_http::HttpProvider;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::bare_sender::{BareSender, Form, Way};
use crate::broker::Broker;
use crate::countdown::Countdown;
use crate::gateway::Gateway;
use crate::rounds::{Comparison, Lap, Side};
use crate::station::Station;
use crate::tally::Tally;
use crate::world::World;

const TARGET: f64 = 0.7;

/// Below the queue's length limit of 100,000.
pub(crate) const MOST: usize = 30_000;

/// The same far side, as our sender and as the bare loop go there.
pub(crate) struct Ways<W> {
    pub(crate) ours: Arc<dyn Provider>,
    pub(crate) bare: W,
    /// Of the far side.
    pub(crate) tally: Tally,
    /// Jobs in hand, on either side.
    pub(crate) hands: u16,
}

pub(crate) fn comparison(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    let redis = world.redis()?;
    let claims = world.server.block_on(async { mtan_queue::redis_claims(&redis) })?;
    by_http(world, name, Some(TARGET), claims)
}

/// An HTTP sender with that claim book against the bare loop.
pub(crate) fn by_http(
    world: &World,
    name: &'static str,
    target: Option<f64>,
    claims: Arc<dyn ClaimBook>,
) -> anyhow::Result<Comparison> {
    let gateway = world.load.block_on(Gateway::start(Duration::ZERO))?;
    let ways = Ways {
        ours: http_provider(&gateway)?,
        bare: Form::to(gateway.url())?,
        tally: gateway.tally,
        hands: world.arguments.prefetch,
    };
    compared(world, name, target, claims, ways)
}

/// A sender with that claim book and way out against the bare loop.
pub(crate) fn compared<W: Way>(
    world: &World,
    name: &'static str,
    target: Option<f64>,
    claims: Arc<dyn ClaimBook>,
    ways: Ways<W>,
) -> anyhow::Result<Comparison> {
    let amqp = world.vhost().url;
    let broker = Arc::new(world.server.block_on(Broker::connect(&amqp))?);
    let Ways { ours, bare, tally, hands } = ways;
    let station = Station::open("ratios", &amqp, claims, ours, hands);
    let ours = OurSender {
        station: world.server.block_on(station)?,
        broker: broker.clone(),
        tally: tally.clone(),
        server: world.server.clone(),
        load: world.load.clone(),
        jobs: 0,
    };
    let bare = BareSender::new(world, broker, bare, tally, hands);
    Ok(Comparison { name, target, ours: Box::new(ours), bare: Box::new(bare) })
}

/// The way to `gateway`.
pub(crate) fn http_provider(gateway: &Gateway) -> anyhow::Result<Arc<dyn Provider>> {
    let folder = Path::new("."); // no path in there
    built(HttpProvider::from_json(&gateway.provider_config(), folder, Arc::new(SystemClock)))
}

/// A provider from a configuration of the benchmark's own.
pub(crate) fn built(provider: Result<Arc<dyn Provider>, Vec<Fault>>) -> anyhow::Result<Arc<dyn Provider>> {
    match provider {
        Ok(provider) => Ok(provider),
        Err(faults) => {
            let faults = faults.iter().map(|Fault { key, message }| format!("{key}: {message}"));
            bail!("the provider's configuration: {}", faults.collect::<Vec<_>>().join("; "))
        }
    }
}

struct OurSender {
    station: Station,
    broker: Arc<Broker>,
    tally: Tally,
    server: Arc<Runtime>,
    load: Arc<Runtime>,
    jobs: usize,
}

impl Side for OurSender {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.station.fill(&self.broker, n))?;
        self.tally.taken();
        self.jobs = n;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let (stop, countdown) = (CancellationToken::new(), Countdown::from(self.jobs));
        let begun = Instant::now();
        let sender = {
            let _on = self.server.enter();
            tokio::spawn(self.station.sender(countdown.clone()).run(stop.clone()))
        };
        // waited for on the load's runtime: it has the gateway
        self.load.block_on(countdown.over())?;
        let elapsed = begun.elapsed();
        stop.cancel();
        self.load.block_on(sender)?;
        let taken = self.tally.taken();
        ensure!(taken == self.jobs, "{taken} SMS were taken for {} jobs", self.jobs);
        Ok(Lap { elapsed, latencies: Vec::new() })
    }

    fn most(&self) -> usize {
        MOST
    }
}
