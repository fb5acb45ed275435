//! `mtan up`: all rooms in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use mtan_daemon::{Config, Hangups, Health, LogSection};
use mtan_jobs::{Clock, Pool, SystemClock};
use mtan_otp_api::{OtpApi, ProviderCheck, Reach, Settings, System, add_ready_checks, any_provider_set};
use mtan_queue::{Provided, ProviderKey};
use mtan_sender::Way;
use mtan_sender::daemon::provider_key;
use mtan_verifier::{Store, SystemRandom, Verifier};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backends::{Backends, Places};
use crate::demo::{self, Phone};
use crate::senders::{self, Running, Sending};
use crate::{admin, tls};

/// What the configuration makes of this process; nothing is opened yet.
pub(crate) struct Plan {
    settings: Settings,
    log: LogSection,
    places: Places,
    sending: Sending,
    /// With it senders elsewhere are told of providers that administrators set here.
    provider_key: Option<ProviderKey>,
    /// Where relative paths in the configuration start.
    config_folder: PathBuf,
}

impl Plan {
    /// Reads every section; the error names every mistake at once.
    pub(crate) fn read(path: Option<&Path>, clock: &Arc<dyn Clock>) -> anyhow::Result<Plan> {
        let mut config = Config::load(path)?;
        let settings = Settings::read(&mut config);
        let log = config.section("log");
        let places = Places::read(&mut config);
        let sending = Sending::read(&mut config, path, clock);
        let provider_key = provider_key(&mut config);
        let config_folder = config.path("");
        if settings.pools.is_empty() && !places.all_embedded() {
            config.fault("sms.SMSProvider", "is missing: beside Redis or a broker there is no demo");
        }
        config.finish()?;
        Ok(Plan { settings, log, places, sending, provider_key, config_folder })
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
        self.settings.provisional_route = true;
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
    let opened = plan.places.has_data().then(|| plan.places.open(clock.clone())).transpose()?;
    let set = match &opened {
        Some(backends) if plan.sending.ways.is_empty() => {
            any_provider_set(backends.store.clone(), backends.key.clone()).await?
        }
        _ => false,
    };
    let phone = if set { None } else { plan.furnish_demo(&clock, address)? };
    let backends = opened.map_or_else(|| plan.places.open(clock.clone()), Ok)?;
    // a provider that was set in the demo: its administrator is still the one
    if (phone.is_some() || set) && plan.settings.admin.is_none() && plan.places.all_embedded() {
        plan.settings.admin = Some(admin::credentials_of(plan.places.folder())?);
    }
    let verifier = Arc::new(verifier(&plan, &backends, clock.clone()));
    if phone.is_some() {
        demo::provide(&verifier, &plan.settings.otp_api.default_realm).await?;
    } else if plan.places.all_embedded() {
        demo::retire(backends.store.as_ref()).await?;
        plan.places.leave_demo()?;
    }

    let (stop, hangups) = mtan_daemon::stop_and_reload_on_signals();
    let health = Health::new(stop.clone());
    add_ready_checks(&health, backends.store.clone(), backends.queue.clone());
    let mut beside = mtan_daemon::health_router(health.clone(), metrics);
    if let Some(phone) = &phone {
        beside = beside.merge(demo::router(phone.clone()));
    }
    info!(%address, demo = phone.is_some(), "listening");
    if phone.is_some() {
        demo::print(address, plan.settings.otp_api.pages, plan.places.folder());
    }
    let sending = plan.sending.start(&backends, &clock, &health, &stop).await.context("sender.dlr_listen")?;
    let reach = Reach::Senders; // those of this process, at least
    let folder = plan.config_folder.clone();
    let check: ProviderCheck = Arc::new(move |class, config| senders::check(class, config, &folder));
    let (store, key, queue) = (backends.store.clone(), backends.key.clone(), backends.queue.clone());
    let system = System::new(store, key, queue, verifier.clone(), &plan.settings, reach, check);
    if let Err(error) = system.refresh().await {
        warn!(%error, "what administrators set cannot be read yet");
    }
    let announcer = plan.provider_key.map(|key| backends.queue.announcer(key, system.provided()));
    let api = OtpApi::with_system(verifier, &plan.settings, clock, Some(system.clone()));
    let demo = phone.is_some().then_some(Demo { places: plan.places, store: backends.store.clone() });
    let mut exchange = Exchange { sending, hangups, provided: system.provided(), demo };
    let serving = async {
        let served = api.run(listener, beside, &backends.queue, stop.clone()).await;
        stop.cancel(); // also where the listener itself has failed
        served
    };
    let (served, ()) = tokio::join!(serving, exchange.run(&stop));
    let drained = exchange.sending.wait().await;
    drop(announcer);
    backends.queue.close().await;
    info!("stopped");
    served.context("serving")?;
    drained.context("not a stop that was asked for")
}

/// The senders' part of a process that runs: whatever changes about the pools.
struct Exchange {
    sending: Running,
    hangups: Hangups,
    provided: watch::Receiver<Option<Arc<Provided>>>,
    /// As long as it is one.
    demo: Option<Demo>,
}

/// What has to be put away when a demo becomes an installation.
struct Demo {
    places: Places,
    store: Arc<dyn Store>,
}

impl Exchange {
    async fn run(&mut self, stop: &CancellationToken) {
        self.provided.mark_changed(); // what was read at the start is news to the senders
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.hangups.next() => self.sending.reload(),
                changed = self.provided.changed() => {
                    let provided = self.provided.borrow_and_update().clone();
                    match (changed, provided) {
                        (Ok(()), Some(provided)) => self.sending.take(&provided),
                        (Ok(()), None) => {}
                        (Err(_), _) => return stop.cancelled().await,
                    }
                }
            }
            self.leave_demo().await;
        }
    }

    /// A gateway took the place of the demo's phone: its token, which everybody knows, ends with it.
    async fn leave_demo(&mut self) {
        if !self.sending.has_pools() {
            return;
        }
        let Some(Demo { places, store }) = self.demo.take() else { return };
        let left = match demo::retire(store.as_ref()).await {
            Ok(()) => places.leave_demo(),
            Err(error) => Err(error),
        };
        match left {
            Ok(()) => info!("a gateway was set: this is a demo no more"),
            Err(error) => {
                warn!(error = format!("{error:#}"), "the demo's token could not be switched off yet");
                self.demo = Some(Demo { places, store });
            }
        }
    }
}

fn verifier(plan: &Plan, backends: &Backends, clock: Arc<dyn Clock>) -> Verifier {
    let publisher = backends.queue.publisher(&plan.settings.pools);
    let (store, key, policies) =
        (backends.store.clone(), backends.key.clone(), plan.settings.policies.clone());
    Verifier::new(store, publisher, clock, Arc::new(SystemRandom), key, policies)
}
