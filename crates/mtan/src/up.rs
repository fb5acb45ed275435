//! `mtan up`: all rooms in one process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use mtan_daemon::{Config, Health, LogSection};
use mtan_jobs::{Clock, Pool, SystemClock};
use mtan_otp_api::{OtpApi, Settings, add_ready_checks};
use mtan_sender::Way;
use mtan_verifier::{SystemRandom, Verifier};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backends::{Backends, Places};
use crate::demo::{self, Phone};
use crate::senders::{self, Sending};
use crate::{admin, tls};

/// What the configuration makes of this process; nothing is opened yet.
pub(crate) struct Plan {
    settings: Settings,
    log: LogSection,
    places: Places,
    sending: Sending,
}

impl Plan {
    /// Reads every section; the error names every mistake at once.
    pub(crate) fn read(path: Option<&Path>, clock: &Arc<dyn Clock>) -> anyhow::Result<Plan> {
        let mut config = Config::load(path)?;
        let settings = Settings::read(&mut config);
        let log = config.section("log");
        let places = Places::read(&mut config);
        let sending = Sending::read(&mut config, clock);
        if settings.pools.is_empty() && !places.all_embedded() {
            config.fault("sms.SMSProvider", "is missing: beside Redis or a broker there is no demo");
        }
        config.finish()?;
        Ok(Plan { settings, log, places, sending })
    }

    /// What would run, in a sentence for a person.
    pub(crate) fn summary(&self) -> String {
        let pools: Vec<&str> = self.settings.pools.iter().map(Pool::as_str).collect();
        match pools.as_slice() {
            [] => "no SMS gateway is configured: `mtan up` is a demo".to_owned(),
            pools => format!("pools: {}", pools.join(", ")),
        }
    }

    /// What is allowed in the providers' configurations and still looks like a mistake, with its place.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let of_way = |way: &Way| {
            let key = senders::key_of(&way.pool);
            way.provider.warnings().iter().map(|warning| format!("{key}: {warning}")).collect::<Vec<_>>()
        };
        self.sending.ways.iter().flat_map(of_way).chain(self.sending.warning.clone()).collect()
    }

    /// Without a configured gateway the demo's phone takes its place, and its pool.
    fn furnish_demo(
        &mut self,
        clock: &Arc<dyn Clock>,
        address: SocketAddr,
    ) -> anyhow::Result<Option<Arc<Phone>>> {
        if !self.sending.ways.is_empty() {
            return Ok(None);
        }
        if !address.ip().is_loopback() {
            bail!(
                "no SMS gateway is configured, and the demo's phone shows codes to everybody who can reach it: it runs on \
                 127.0.0.1 only, not on {address}. Write an [sms] section, or set otp_api.listen"
            );
        }
        self.places.claim_for_demo()?;
        let phone = Arc::new(Phone::new(clock.clone()));
        self.sending.ways = vec![Way::new(Pool::default_pool(), phone.clone())];
        self.settings.pools = vec![Pool::default_pool()];
        let policies = std::mem::take(&mut self.settings.policies);
        self.settings.policies = policies.each(|policy| policy.route = vec![Pool::default_pool()]);
        Ok(Some(phone))
    }
}

pub(crate) fn run(config: Option<&Path>) -> anyhow::Result<()> {
    tls::install();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let plan = Plan::read(config, &clock)?;
    mtan_daemon::init_logs(&plan.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(up(plan, clock))
}

async fn up(mut plan: Plan, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let metrics = mtan_daemon::init_metrics();
    let listener = mtan_daemon::listen(&plan.settings.otp_api.listen).await?;
    let address = listener.local_addr()?;
    let phone = plan.furnish_demo(&clock, address)?;
    let backends = plan.places.open(clock.clone())?;
    if phone.is_some() && plan.settings.admin.is_none() {
        plan.settings.admin = Some(admin::credentials_of(plan.places.folder())?);
    }
    let verifier = Arc::new(verifier(&plan, &backends, clock.clone()));
    if phone.is_some() {
        demo::provide(&verifier, &plan.settings.otp_api.default_realm).await?;
    } else if plan.places.all_embedded() {
        demo::retire(backends.store.as_ref()).await?;
        plan.places.leave_demo()?;
    }

    let stop = mtan_daemon::stop_on_signals();
    let health = Health::new(stop.clone());
    add_ready_checks(&health, backends.store.clone(), backends.queue.clone());
    for way in &plan.sending.ways {
        way.breaker.add_note(&health);
        way.provider.add_notes(&way.pool, &health);
    }
    let mut beside = mtan_daemon::health_router(health, metrics);
    if let Some(phone) = &phone {
        beside = beside.merge(demo::router(phone.clone()));
    }
    info!(%address, demo = phone.is_some(), "listening");
    if phone.is_some() {
        demo::print(address, plan.settings.otp_api.pages, plan.places.folder());
    }
    let api = OtpApi::new(verifier, &plan.settings, clock.clone());
    work(plan, &backends, api, listener, beside, clock, stop).await
}

/// Everything at once, until the stop; then senders and requests finish what they have in hand.
async fn work(
    plan: Plan,
    backends: &Backends,
    api: OtpApi,
    listener: TcpListener,
    beside: axum::Router,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let sending = plan.sending.start(backends, &clock, &stop).await.context("sender.dlr_listen")?;
    let served = api.run(listener, beside, &backends.queue, stop.clone()).await;
    stop.cancel(); // also where the listener itself has failed
    sending.wait().await;
    backends.queue.close().await;
    info!("stopped");
    served.context("serving")
}

fn verifier(plan: &Plan, backends: &Backends, clock: Arc<dyn Clock>) -> Verifier {
    let publisher = backends.queue.publisher(&plan.settings.pools);
    let (store, key, policies) =
        (backends.store.clone(), backends.key.clone(), plan.settings.policies.clone());
    Verifier::new(store, publisher, clock, Arc::new(SystemRandom), key, policies)
}
