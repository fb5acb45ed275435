//! The senders of this process: one for each configured pool.

use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, PoolConfig, SenderSection};
use mtan_jobs::{Clock, Pool};
use mtan_sender::{ProviderKind, Way};
use mtan_sender_http::HttpProvider;
use mtan_sender_smtp::SmtpProvider;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backends::Backends;

/// The ways out that the configuration names, and how long a stop waits for them; mistakes become its faults.
pub(crate) fn read(config: &mut Config, clock: &Arc<dyn Clock>) -> (Vec<Way>, Duration) {
    let section: SenderSection = config.section("sender");
    let drain = Duration::from_secs(section.drain_seconds);
    let pools = mtan_daemon::pools(config);
    let ways = pools.iter().filter_map(|pool| way(config, pool, clock, drain)).collect();
    (ways, drain)
}

fn way(config: &mut Config, pool: &PoolConfig, clock: &Arc<dyn Clock>, drain: Duration) -> Option<Way> {
    match Way::kind(config, pool)? {
        ProviderKind::Http => Way::read(config, pool, clock, drain, &HttpProvider::from_json),
        ProviderKind::Smtp => Way::read(config, pool, clock, drain, &SmtpProvider::from_json),
        other => {
            let message =
                format!("{} is not built yet: HttpSMSProvider and SmtpSMSProvider are", other.class());
            config.fault(format!("{}.SMSProvider", pool.key), message);
            None
        }
    }
}

/// Where the provider of `pool` is configured.
pub(crate) fn key_of(pool: &Pool) -> String {
    if *pool == Pool::default_pool() {
        return "sms.SMSProviderConfig".to_owned();
    }
    format!("pools.{pool}.SMSProviderConfig")
}

/// Starts a sender for each way; they drain when `stop` comes.
pub(crate) fn start(
    ways: Vec<Way>,
    backends: &Backends,
    clock: &Arc<dyn Clock>,
    drain: Duration,
    stop: &CancellationToken,
) -> TaskTracker {
    let tasks = TaskTracker::new();
    for way in ways {
        let (claims, rates) = (backends.claims.clone(), backends.rates.clone());
        let sender = way.sender(&backends.queue, claims, rates, clock.clone(), drain);
        tasks.spawn(sender.run(stop.clone()));
    }
    tasks.close();
    tasks
}
