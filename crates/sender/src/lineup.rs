//! Which pools are to be sent for: those of the file, and over them those that an administrator has set.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, ConfigError, Fault, PoolConfig, PoolSection};
use mtan_jobs::{Clock, Pool};
use mtan_queue::{Announcement, SetPool};
use tracing::{info, warn};

use crate::{Build, ProviderKind, Roster, Way};

/// How providers of a kind are made; `None` = this process sends for none of that kind.
pub type Builds<'a> = &'a dyn Fn(ProviderKind) -> Option<Build<'a>>;

/// The wanted pools of a process. Whatever changes, the [`Roster`] is told.
pub struct Lineup<'a> {
    /// The configuration's file, to be read again.
    file: Option<PathBuf>,
    /// Where relative paths in configurations start.
    folder: PathBuf,
    /// All pools of the file, of whatever kind.
    pools: Vec<PoolConfig>,
    /// What was set over them.
    set: Announcement,
    builds: Builds<'a>,
    clock: Arc<dyn Clock>,
    drain: Duration,
}

impl<'a> Lineup<'a> {
    /// The `pools` of `config`, which was read from `file`, and nothing set yet.
    pub fn new(
        config: &Config,
        file: Option<&Path>,
        pools: Vec<PoolConfig>,
        builds: Builds<'a>,
        clock: Arc<dyn Clock>,
        drain: Duration,
    ) -> Lineup<'a> {
        let (file, folder) = (file.map(Path::to_owned), config.path(""));
        Lineup { file, folder, pools, set: Announcement::default(), builds, clock, drain }
    }

    /// Whether nothing is to be sent for: neither the file nor an administrator has a pool.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.set.pools.is_empty()
    }

    /// What an administrator has set is `set` from now on. A pool whose configuration is refused goes on as it was, and the
    /// log says why.
    pub fn take(&mut self, set: Announcement, roster: &Roster) {
        info!(revision = set.revision, pools = set.pools.len(), "what administrators set has come");
        self.set = set;
        self.apply(roster);
    }

    /// Reads the file again. One with a mistake changes nothing: every mistake is logged with its key.
    pub fn reload(&mut self, roster: &Roster) {
        match self.read_file() {
            Ok(pools) => {
                self.pools = pools;
                info!("the configuration was read again: its pools are taken, other sections need a restart");
                self.apply(roster);
            }
            Err(error) => log_faults("the configuration stays as it was", error.faults()),
        }
    }

    /// The pools of the file; all ways are built on trial, so that what is wrong in one of them refuses the whole.
    fn read_file(&self) -> Result<Vec<PoolConfig>, ConfigError> {
        let mut config = Config::load(self.file.as_deref())?;
        let pools = mtan_daemon::pools(&mut config);
        for pool in &pools {
            drop(self.way(&mut config, pool));
        }
        config.finish()?;
        Ok(pools)
    }

    /// Tells the roster what is wanted now.
    pub fn apply(&self, roster: &Roster) {
        let (mut ways, mut keep) = (Vec::new(), Vec::new());
        for pool in self.wanted() {
            let Ok(name) = pool.name.parse::<Pool>() else {
                warn!("a pool that was set has no name of a pool, and is passed over");
                continue;
            };
            if roster.runs(&pool) {
                keep.push(name);
                continue;
            }
            match self.build(&pool) {
                Ok(Some(way)) => ways.push(way),
                Ok(None) => {}
                Err(error) => {
                    log_faults("the pool goes on as it was", error.faults());
                    keep.push(name);
                }
            }
        }
        roster.exchange(ways, &keep).log();
    }

    /// The pools of the file that nobody has set otherwise, and those that were set. A set pool keeps the rules (rate, breaker,
    /// …) that the file has for its name.
    fn wanted(&self) -> Vec<PoolConfig> {
        let is_set = |name: &String| {
            self.set.elsewhere.contains(name) || self.set.pools.iter().any(|pool| pool.name == *name)
        };
        let of_the_file = self.pools.iter().filter(|pool| !is_set(&pool.name)).cloned();
        of_the_file.chain(self.set.pools.iter().map(|pool| self.config_of(pool))).collect()
    }

    fn config_of(&self, set: &SetPool) -> PoolConfig {
        let rules = self.pools.iter().find(|pool| pool.name == set.name).cloned();
        let SetPool { name, class, config } = set.clone();
        let key = format!("setProvider.{name}");
        match rules {
            Some(rules) => PoolConfig { key, provider: class, config, file: None, ..rules },
            None => {
                let PoolSection { max_in_flight, tps, breaker_failures, breaker_seconds, .. } =
                    PoolSection::default();
                PoolConfig {
                    name,
                    key,
                    provider: class,
                    config,
                    file: None,
                    max_in_flight,
                    tps,
                    burst: 1,
                    breaker_failures,
                    breaker_seconds,
                    others_behind: false,
                }
            }
        }
    }

    fn build(&self, pool: &PoolConfig) -> Result<Option<Way>, ConfigError> {
        let mut config = Config::parse("", &self.folder, [])?;
        let way = self.way(&mut config, pool);
        config.finish()?;
        Ok(way)
    }

    /// `None`: another kind of process sends for it, or `config` has a fault more.
    fn way(&self, config: &mut Config, pool: &PoolConfig) -> Option<Way> {
        let kind = Way::kind(config, pool)?;
        let build = (self.builds)(kind)?;
        Way::read(config, pool, &self.clock, self.drain, build)
    }
}

/// What is wrong, in the log: each mistake with its key, and no value.
fn log_faults(what: &str, faults: &[Fault]) {
    for Fault { key, message } in faults {
        warn!(key, "{what}: {message}");
    }
}
