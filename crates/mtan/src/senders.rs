//! The senders of this process: one for each configured pool.

use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, PoolConfig, SenderSection};
use mtan_jobs::{Clock, Pool, SystemClock};
use mtan_sender::{Provider, ProviderKind, Rules, Sender, os_jitter};
use mtan_sender_http::{HttpConfig, HttpProvider};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backends::Backends;

/// A pool and its way out.
pub(crate) struct Way {
    pool: Pool,
    provider: Arc<dyn Provider>,
    max_in_flight: u16,
}

impl Way {
    /// A way out with the default number of jobs in hand.
    pub(crate) fn new(pool: Pool, provider: Arc<dyn Provider>) -> Way {
        Way { pool, provider, max_in_flight: Rules::default().max_in_flight }
    }
}

/// The ways out that the configuration names, and how long a stop waits for them; mistakes become its faults.
pub(crate) fn read(config: &mut Config) -> (Vec<Way>, Duration) {
    let pools = mtan_daemon::pools(config);
    let ways = pools.iter().filter_map(|pool| way(config, pool)).collect();
    let section: SenderSection = config.section("sender");
    (ways, Duration::from_secs(section.drain_seconds))
}

fn way(config: &mut Config, pool: &PoolConfig) -> Option<Way> {
    let key = format!("{}.SMSProvider", pool.key);
    match pool.provider.parse::<ProviderKind>() {
        Err(e) => config.fault(key, e.to_string()),
        Ok(ProviderKind::Http) => return http(config, pool),
        Ok(other) => config.fault(key, format!("{} is not built yet: HttpSMSProvider is", other.class())),
    }
    None
}

fn http(config: &mut Config, pool: &PoolConfig) -> Option<Way> {
    let key = format!("{}.SMSProviderConfig", pool.key);
    let provider = match HttpConfig::from_json(&pool.config) {
        Ok(http) => HttpProvider::new(http, Arc::new(SystemClock))
            .map_err(|e| config.fault(key, e.to_string()))
            .ok()?,
        Err(faults) => {
            for fault in faults {
                config.fault(format!("{key}.{}", fault.key), fault.message);
            }
            return None;
        }
    };
    // A name that is none was made a fault by `mtan_daemon::pools`.
    let pool_name = pool.name.parse().ok()?;
    Some(Way { pool: pool_name, provider: Arc::new(provider), max_in_flight: pool.max_in_flight })
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
        let sender = Sender {
            name: name(&way.pool),
            consumer: backends.queue.consumer(&way.pool, way.max_in_flight),
            pool: way.pool,
            reports: backends.queue.report_publisher(),
            claims: backends.claims.clone(),
            provider: way.provider,
            clock: clock.clone(),
            jitter: os_jitter(),
            rules: Rules { max_in_flight: way.max_in_flight, drain, ..Rules::default() },
        };
        tasks.spawn(sender.run(stop.clone()));
    }
    tasks.close();
    tasks
}

/// A name that no other running sender has: claims are held under it.
fn name(pool: &Pool) -> String {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has randomness");
    format!("{pool}-{}", data_encoding::HEXLOWER.encode(&random))
}
