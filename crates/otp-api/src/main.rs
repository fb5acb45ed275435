//! `mtan-otp-api`: the HTTP face as a process of its own, over Redis and a message broker.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtan_daemon::{Config, Health, LogSection, SmsSection};
use mtan_jobs::{Clock, SystemClock};
use mtan_otp_api::{OtpApi, Reach, Settings, System, add_ready_checks, check_provider};
use mtan_queue::{ProviderKey, Queue};
use mtan_seal::ServerKey;
use mtan_verifier::{Store, SystemRandom, Verifier};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Sends one-time passwords by SMS and checks them: LinOTP's /validate over HTTP. Needs Redis and a message broker; for one
/// process with nothing beside it see `mtan up`.
#[derive(Parser)]
#[command(name = "mtan-otp-api", version)]
struct Arguments {
    /// The configuration, a TOML file. Without it the one that MTAN_CONFIG names.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What the configuration makes of this process.
struct Parts {
    settings: Settings,
    log: LogSection,
    store: Arc<dyn Store>,
    queue: Queue,
    key: ServerKey,
    /// With it senders are told of providers that administrators set.
    provider_key: Option<ProviderKey>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // First thing in every main: rustls panics later if nobody chose.
    drop(rustls::crypto::ring::default_provider().install_default());
    let arguments = Arguments::parse();
    mtan_daemon::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut config = Config::load(arguments.config.as_deref())?;
    let parts = parts(&mut config);
    config.finish()?;
    let Parts { settings, log, store, queue, key, provider_key } =
        parts.context("the configuration is incomplete")?;
    mtan_daemon::init_logs(&log);
    let metrics = mtan_daemon::init_metrics();
    let stop = mtan_daemon::stop_on_signals();
    let health = Health::new(stop.clone());
    add_ready_checks(&health, store.clone(), queue.clone());
    let beside = mtan_daemon::health_router(health, metrics);
    serve(&settings, store, queue, key, provider_key, beside, stop).await
}

async fn serve(
    settings: &Settings,
    store: Arc<dyn Store>,
    queue: Queue,
    key: ServerKey,
    provider_key: Option<ProviderKey>,
    beside: axum::Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let publisher = queue.publisher(&settings.pools);
    let random = Arc::new(SystemRandom);
    let policies = settings.policies.clone();
    let verifier = Verifier::new(store.clone(), publisher, clock.clone(), random, key.clone(), policies);
    let verifier = Arc::new(verifier);
    let reach = if provider_key.is_some() { Reach::Senders } else { Reach::Nobody };
    let check = Arc::new(check_provider);
    let system = System::new(store, key, queue.clone(), verifier.clone(), settings, reach, check);
    let announcer = provider_key.map(|key| queue.announcer(key, system.provided()));
    let listener = mtan_daemon::listen(&settings.otp_api.listen).await?;
    info!(address = %listener.local_addr()?, admin = settings.admin.is_some(), "listening");
    if settings.pools.is_empty() {
        warn!(
            "no pool is configured: until an administrator sets a provider (/system/setProvider) no SMS can be sent"
        );
    }
    let api = OtpApi::with_system(verifier, settings, clock, Some(system));
    let served = api.run(listener, beside, &queue, stop).await;
    drop(announcer);
    queue.close().await;
    info!("stopped");
    Ok(served?)
}

/// All parts, or faults in `config` that say what is missing; `None` comes with at least one.
fn parts(config: &mut Config) -> Option<Parts> {
    let settings = Settings::read(config);
    let provider_key = provider_key(config);
    // A pool that is there and has a mistake is told by the mistake.
    let pool_is_there = config.section::<SmsSection>("sms").sms_provider.is_some();
    if settings.pools.is_empty() && !pool_is_there && provider_key.is_none() {
        config.fault(
            "sms.SMSProvider",
            "a pool is expected: [sms] with SMSProvider, or [pools.<name>]; or provider_key, to set one while it runs",
        );
    }
    let log = config.section("log");
    let store = store(config);
    let queue = queue(config);
    let key = server_key(config);
    Some(Parts { settings, log, store: store?, queue: queue?, key: key?, provider_key })
}

fn store(config: &mut Config) -> Option<Arc<dyn Store>> {
    let url = separate(config, "store", "redis://… or rediss://…")?;
    mtan_store::redis(&url).map_err(|e| config.fault("store", e.to_string())).ok()
}

fn queue(config: &mut Config) -> Option<Queue> {
    let url = separate(config, "queue", "amqp://… or amqps://…")?;
    Queue::amqp(&url, "mtan-otp-api").map_err(|e| config.fault("queue", e.to_string())).ok()
}

/// An address that several processes can share: an embedded file belongs to one.
fn separate(config: &mut Config, key: &str, expected: &str) -> Option<String> {
    match config.value(key) {
        Some(address) if address.starts_with("embedded:") => {
            config.fault(
                key,
                format!("{expected} is expected here: `mtan up` is the process for the embedded one"),
            );
            None
        }
        None => {
            config.fault(key, format!("is missing: {expected} is expected"));
            None
        }
        address => address,
    }
}

/// `provider_key`, which this process shares with the senders; one that is none becomes a fault.
fn provider_key(config: &mut Config) -> Option<ProviderKey> {
    let text = config.value("provider_key")?;
    ProviderKey::from_base64(&text).map_err(|e| config.fault("provider_key", e.to_string())).ok()
}

/// The key is never made here: two processes with keys of their own would not read each other's records.
fn server_key(config: &mut Config) -> Option<ServerKey> {
    let (name, key) = if let Some(text) = config.value("server_key") {
        ("server_key", ServerKey::from_base64(&text, "server_key"))
    } else if let Some(file) = config.value("server_key_file") {
        ("server_key_file", ServerKey::load(&config.path(&file)))
    } else {
        config
            .fault("server_key_file", "is missing: the path of a file that `mtan key new` makes is expected");
        return None;
    };
    key.map_err(|e| config.fault(name, e.to_string())).ok()
}
