//! A configured pool becomes a sender: the same for a daemon and for all rooms in one process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, Fault, PoolConfig};
use mtan_jobs::{ClaimBook, Clock, Pool};
use mtan_queue::Queue;

use crate::{Provider, ProviderKind, Rules, Sender, os_jitter};

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
}

impl Way {
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
        if provider.time_out() > drain {
            config.fault(
                format!("{key}.TIMEOUT"),
                format!(
                    "at most sender.drain_seconds ({} s) are expected in all: a stop waits no longer for an answer",
                    drain.as_secs()
                ),
            );
        }
        // a name that is none was made a fault by `mtan_daemon::pools`
        let name = pool.name.parse().ok()?;
        Some(Way { pool: name, provider, max_in_flight: pool.max_in_flight })
    }

    /// The sender of this way, ready to run.
    pub fn sender(
        self,
        queue: &Queue,
        claims: Arc<dyn ClaimBook>,
        clock: Arc<dyn Clock>,
        drain: Duration,
    ) -> Sender {
        let Way { pool, provider, max_in_flight } = self;
        Sender {
            name: unique_name(&pool),
            consumer: queue.consumer(&pool, max_in_flight),
            reports: queue.report_publisher(),
            pool,
            claims,
            provider,
            clock,
            jitter: os_jitter(),
            rules: Rules { max_in_flight, drain, ..Rules::default() },
        }
    }
}

/// Claims are held under it: no other running sender has it, on whatever machine.
fn unique_name(pool: &Pool) -> String {
    let random = getrandom::u64().expect("the system has randomness");
    format!("{pool}-{random:016x}")
}
