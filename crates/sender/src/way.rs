//! A configured pool becomes a sender: the same for a daemon and for all rooms in one process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, Fault, PoolConfig};
use mtan_jobs::{Clock, Limit, Pool};
use mtan_queue::{Books, Queue};

use crate::{
    Breaker, BreakerRules, Deliveries, Provider, ProviderKind, Rules, Sender, Throttle, WhileOpen, os_jitter,
};

/// Makes a provider from the JSON of `SMSProviderConfig`, in which relative paths start in the folder, or says what is
/// wrong with it: each fault with its key, seen from the JSON's top, `""` for the whole.
pub type Build<'a> = &'a dyn Fn(&str, &Path, Arc<dyn Clock>) -> Result<Arc<dyn Provider>, Vec<Fault>>;

/// A pool and its way out.
pub struct Way {
    /// Whose jobs go this way.
    pub pool: Pool,
    /// The way.
    pub provider: Arc<dyn Provider>,
    /// Jobs in hand at a time.
    pub max_in_flight: u16,
    /// How many SMS may go; `None` = as many as can.
    pub limit: Option<Limit>,
    /// What leaves it alone when it fails.
    pub breaker: Arc<Breaker>,
    /// What becomes of its jobs meanwhile.
    pub while_open: WhileOpen,
    /// What it was made from, by which an exchange knows one that has not changed; `None` for one made by hand.
    pub config: Option<PoolConfig>,
}

impl Way {
    /// A way with nothing configured about it: no rate, and nobody behind it.
    pub fn new(pool: Pool, provider: Arc<dyn Provider>) -> Way {
        let Rules { max_in_flight, while_open, .. } = Rules::default();
        let breaker = Breaker::new(pool.clone(), BreakerRules::default());
        Way { pool, provider, max_in_flight, limit: None, breaker, while_open, config: None }
    }

    /// Which kind of provider `pool` needs; a class that nobody knows becomes a fault of the configuration.
    pub fn kind(config: &mut Config, pool: &PoolConfig) -> Option<ProviderKind> {
        let kind = pool.provider.parse::<ProviderKind>();
        kind.map_err(|e| config.fault(format!("{}.SMSProvider", pool.key), e.to_string())).ok()
    }

    /// The way out that `pool` describes. What is wrong with it becomes faults of the configuration; also a time-out
    /// that is longer than `drain`, which is how long a stop waits.
    pub fn read(
        config: &mut Config,
        pool: &PoolConfig,
        clock: &Arc<dyn Clock>,
        drain: Duration,
        build: Build<'_>,
    ) -> Option<Way> {
        let key = format!("{}.SMSProviderConfig", pool.key);
        let provider = match build(&pool.config, &config.path(""), Arc::clone(clock)) {
            Ok(provider) => provider,
            Err(faults) => {
                let file =
                    pool.file.as_ref().map_or_else(String::new, |file| format!(" (in {})", file.display()));
                for Fault { key: inner, message } in faults {
                    let key = if inner.is_empty() { key.clone() } else { format!("{key}.{inner}") };
                    config.fault(key, message + &file);
                }
                return None;
            }
        };
        if provider.time_out() > drain && !provider.may_outlast_a_stop() {
            config.fault(
                format!("{key}.TIMEOUT"),
                format!(
                    "at most sender.drain_seconds ({} s) are expected in all: a stop waits no longer for an answer",
                    drain.as_secs()
                ),
            );
        }
        // a name that is none was made a fault by `mtan_daemon::pools`
        let name: Pool = pool.name.parse().ok()?;
        let rules = BreakerRules {
            failures: pool.breaker_failures.into(),
            open: Duration::from_secs(pool.breaker_seconds.into()),
        };
        Some(Way {
            limit: limit(config, pool)?,
            breaker: Breaker::new(name.clone(), rules),
            while_open: if pool.others_behind { WhileOpen::MoveAlong } else { WhileOpen::Rest },
            max_in_flight: pool.max_in_flight,
            pool: name,
            provider,
            config: Some(pool.clone()),
        })
    }

    /// The sender of this way, ready to run.
    pub fn sender(
        self,
        queue: &Queue,
        books: &Books,
        deliveries: Option<&Deliveries>,
        clock: Arc<dyn Clock>,
        drain: Duration,
    ) -> Sender {
        let Way { pool, provider, max_in_flight, limit, breaker, while_open, .. } = self;
        Sender {
            name: unique_name(&pool),
            consumer: queue.consumer(&pool, max_in_flight),
            reports: queue.report_publisher(),
            deliveries: deliveries
                .filter(|all| {
                    (provider.callbacks().is_some() && all.listens())
                        || provider.hears_of_deliveries_for().is_some()
                })
                .cloned(),
            pool,
            claims: books.claims.clone(),
            provider,
            throttle: limit.map(|limit| Throttle { rates: books.rates.clone(), limit }),
            breaker,
            clock,
            jitter: os_jitter(),
            rules: Rules { max_in_flight, drain, while_open, ..Rules::default() },
        }
    }
}

/// The rate of the pool; the outer `None` comes with a fault.
fn limit(config: &mut Config, pool: &PoolConfig) -> Option<Option<Limit>> {
    let Some(tps) = pool.tps else { return Some(None) };
    let limit = Limit::new(tps, pool.burst.into());
    limit.map_err(|e| config.fault(format!("{}.tps", pool.key), e.to_string())).ok().map(Some)
}

/// Claims are held under it: no other running sender has it, on whatever machine.
fn unique_name(pool: &Pool) -> String {
    let random = getrandom::u64().expect("the system has randomness");
    format!("{pool}-{random:016x}")
}
