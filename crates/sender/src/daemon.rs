//! A sender as a process of its own: all of it but the provider's construction.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Arg, Command, value_parser};
use mtan_daemon::{Config, Health, LogSection, PoolConfig, SenderSection};
use mtan_jobs::{ClaimBook, Clock, JobId, Owner, Pool, SystemClock};
use mtan_queue::{Announcement, Books, ProviderFeed, ProviderKey, Queue};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Build, Builds, CallbackFace, Deliveries, Lineup, Outfit, ProviderKind, Roster, Way, metrics};

/// How long a polite good-bye to the broker may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// The `main` of the sender of `kind`: reads arguments and configuration, sends until SIGTERM, drains. Exit code 0 after
/// a stop, 2 for a configuration with mistakes, else 1.
pub async fn main(kind: ProviderKind, build: Build<'_>) -> ExitCode {
    // first thing in every main: rustls panics later if nobody chose
    drop(rustls::crypto::ring::default_provider().install_default());
    let arguments = command(kind).get_matches();
    let file: Option<&PathBuf> = arguments.get_one("config");
    mtan_daemon::exit_code(run(kind, file, build).await)
}

fn process(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Http => "mtan-sender-http",
        ProviderKind::Smtp => "mtan-sender-smtp",
        ProviderKind::Device => "mtan-sender-modem",
    }
}

fn command(kind: ProviderKind) -> Command {
    let file = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
    Command::new(process(kind))
        .version(env!("CARGO_PKG_VERSION"))
        .about(format!("Sends the SMS of every pool whose SMSProvider is {kind}."))
        .long_about(format!(
            "Sends the SMS of every pool whose SMSProvider is {kind}.\n\nTakes jobs from RabbitMQ (`queue = \"amqp://…\"`), \
             keeps its claims in Redis (`store = \"redis://…\"`), and reports what became of each job. Run as many of \
             these processes as you like; each job is sent once. For one process with nothing beside it see `mtan up`."
        ))
        .after_help(
            "Every key of the file can also come from the environment: MTAN__SENDER__DRAIN_SECONDS is drain_seconds in \
             [sender].\nSIGTERM: takes no more jobs, finishes those in hand, exits with 0. Exit code 2: the configuration \
             has mistakes, all of which are printed.",
        )
        .arg(file.help("The configuration, a TOML file. Without it the one that MTAN_CONFIG names"))
}

/// What the configuration makes of this process.
struct Parts<'a> {
    lineup: Lineup<'a>,
    queue: Queue,
    books: Books,
    face: Option<CallbackFace>,
    /// Opens what otp-api says of providers; without it only the file's pools are sent for.
    provider_key: Option<ProviderKey>,
    /// What is allowed and still looks like a mistake.
    warning: Option<String>,
}

async fn run(kind: ProviderKind, file: Option<&PathBuf>, build: Build<'_>) -> anyhow::Result<()> {
    let mut config = Config::load(file.map(PathBuf::as_path))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log: LogSection = config.section("log");
    let section: SenderSection = config.section("sender");
    let builds = |of: ProviderKind| (of == kind).then_some(build);
    let parts = parts(kind, &mut config, file, &clock, &section, &builds);
    config.finish()?;
    let Parts { mut lineup, queue, books, face, provider_key, warning } =
        parts.context("the configuration is incomplete")?;
    mtan_daemon::init_logs(&log);
    if let Some(warning) = &warning {
        warn!("{warning}");
    }
    let counted = mtan_daemon::init_metrics();
    metrics::describe();
    let (stop, mut hangups) = mtan_daemon::stop_and_reload_on_signals();
    let health = Health::new(stop.clone());
    add_ready_checks(&health, &queue, &books, &clock);
    let deliveries = Deliveries::new(&queue, books.deliveries.clone(), clock.clone(), face.as_ref());
    let listener = mtan_daemon::listen(listen_address(kind, &section)).await?;
    let address = listener.local_addr()?;
    let end = CancellationToken::new();
    let drain = Duration::from_secs(section.drain_seconds);
    let callbacks = deliveries.clone();
    let outfit = Outfit { queue: queue.clone(), books, deliveries, clock, drain, health: health.clone() };
    let roster = Roster::new(outfit, stop.clone());
    lineup.apply(&roster);
    note_pools(&health, &roster, provider_key.is_some());
    info!(%address, pools = roster.pools().len(), "health and metrics are here");
    let called = match &face {
        Some(face) => Some(take_callbacks(face, callbacks.clone(), end.clone()).await?),
        None => None,
    };
    let router = mtan_daemon::health_router(health, counted);
    let beside = tokio::spawn(mtan_daemon::serve(listener, router, end.clone()));
    let mut feed = provider_key.map(|key| queue.provider_feed(kind.as_str(), key));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = hangups.next() => lineup.reload(&roster),
            set = heard(&mut feed) => lineup.take(set, &roster),
        }
    }
    let sent = roster.wait().await.context("not a stop that was asked for");
    if timeout(GOODBYE, queue.close()).await.is_err() {
        info!("the broker did not say good-bye in time");
    }
    // probes and callbacks are answered until the last job is done
    end.cancel();
    beside.await??;
    if let Some(called) = called {
        called.await??;
    }
    info!("stopped");
    sent
}

/// What was set, as soon as it is heard of; never without a feed.
async fn heard(feed: &mut Option<ProviderFeed>) -> Announcement {
    match feed {
        Some(feed) => feed.next().await,
        None => std::future::pending().await,
    }
}

/// A line for `/readyz`: a process that has nothing to send for yet waits, and is well.
fn note_pools(health: &Health, roster: &Roster, may_come: bool) {
    let roster = roster.clone();
    health.note("pools", move || {
        let pools: Vec<String> = roster.pools().iter().map(ToString::to_string).collect();
        match pools.as_slice() {
            [] if may_come => "none yet: waits for an administrator to set a provider".to_owned(),
            [] => "none".to_owned(),
            pools => pools.join(", "),
        }
    });
}

/// Starts the listener for callbacks; it serves until `end`.
pub async fn take_callbacks(
    face: &CallbackFace,
    deliveries: Deliveries,
    end: CancellationToken,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let listener = mtan_daemon::listen(&face.listen).await?;
    // dlr_url may hold credentials for a proxy in front
    info!(dlr_address = %listener.local_addr()?, "gateways may report delivery here");
    Ok(tokio::spawn(mtan_daemon::serve(listener, crate::delivery_router(deliveries), end)))
}

/// All parts, or faults in `config` that say what is missing; `None` comes with at least one.
fn parts<'a>(
    kind: ProviderKind,
    config: &mut Config,
    file: Option<&PathBuf>,
    clock: &Arc<dyn Clock>,
    section: &SenderSection,
    builds: Builds<'a>,
) -> Option<Parts<'a>> {
    let drain = Duration::from_secs(section.drain_seconds);
    let provider_key = provider_key(config);
    let pools = mtan_daemon::pools(config);
    let mine: Vec<&PoolConfig> = pools.iter().filter(|pool| Way::kind(config, pool) == Some(kind)).collect();
    if mine.is_empty() && provider_key.is_none() {
        let message = format!(
            "no pool whose SMSProvider is {kind} was found: {} has nothing to do. With provider_key it waits for one to be set",
            process(kind)
        );
        config.fault("sms.SMSProvider", message);
    }
    // built on trial, for the mistakes in them
    let ways: Vec<Way> =
        mine.into_iter().filter_map(|pool| Way::read(config, pool, clock, drain, builds(kind)?)).collect();
    let queue = shared(config, "queue", "amqp://… or amqps://…").and_then(|url| {
        Queue::amqp(&url, process(kind)).map_err(|e| config.fault("queue", e.to_string())).ok()
    });
    let books = shared(config, "store", "redis://… or rediss://…")
        .and_then(|url| Books::redis(&url).map_err(|e| config.fault("store", e.to_string())).ok());
    let face = CallbackFace::read(config, section, &ways, provider_key.is_some());
    // the file may be shared with the process that is called back
    let not_ours = kind != ProviderKind::Http
        && pools.iter().any(|pool| Way::kind(config, pool) == Some(ProviderKind::Http));
    let warning = CallbackFace::unused(section, &ways).filter(|_| !not_ours && face.is_none());
    let lineup = Lineup::new(config, file.map(PathBuf::as_path), pools, builds, clock.clone(), drain);
    Some(Parts { lineup, queue: queue?, books: books?, face, provider_key, warning })
}

/// `provider_key`, which this process shares with otp-api; one that is none becomes a fault.
pub fn provider_key(config: &mut Config) -> Option<ProviderKey> {
    let text = config.value("provider_key")?;
    let key = ProviderKey::from_base64(text.trim());
    key.map_err(|e| config.fault("provider_key", e.to_string())).ok()
}

/// An address that several processes can share: an embedded file belongs to one.
fn shared(config: &mut Config, key: &str, expected: &str) -> Option<String> {
    match config.value(key) {
        Some(address) if address.starts_with("embedded:") => {
            let message =
                format!("{expected} is expected here: `mtan up` is the process for the embedded one");
            config.fault(key, message);
            None
        }
        None => {
            config.fault(key, format!("is missing: {expected} is expected"));
            None
        }
        address => address,
    }
}

fn listen_address(kind: ProviderKind, section: &SenderSection) -> &str {
    match kind {
        ProviderKind::Http => &section.http_listen,
        ProviderKind::Smtp => &section.smtp_listen,
        ProviderKind::Device => &section.modem_listen,
    }
}

fn add_ready_checks(health: &Health, queue: &Queue, books: &Books, clock: &Arc<dyn Clock>) {
    let queue = queue.clone();
    health.add("queue", move || {
        let queue = queue.clone();
        async move { queue.ready() }
    });
    let (claims, clock) = (books.claims.clone(), clock.clone());
    health.add("claims", move || answers(claims.clone(), clock.clone()));
}

/// Whether the claim book answers: renewing a claim that nobody holds changes nothing.
async fn answers(claims: Arc<dyn ClaimBook>, clock: Arc<dyn Clock>) -> Result<(), String> {
    let nobody: JobId = "mtan-ready-check".parse().expect("a job id");
    let owner = Owner(Pool::default_pool().to_string());
    let answer = claims.renew(&nobody, &owner, clock.now(), Duration::from_secs(1)).await;
    answer.map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_every_sender_is_sound() {
        for kind in ProviderKind::ALL {
            command(kind).debug_assert();
            let long = command(kind).render_long_help().to_string();
            assert!(
                long.contains(kind.class()) && long.contains("--config") && long.contains("MTAN_CONFIG"),
                "{long}"
            );
        }
    }
}
