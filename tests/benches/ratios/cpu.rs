//! Processor time by who used it, from the scheduler's own account: it tells where a ratio comes from.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// Processor time used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// What is measured: every thread of this process but the load's.
    pub(crate) server: Duration,
    /// The main thread: the load generator, and the gateway where there is one.
    pub(crate) load: Duration,
    pub(crate) redis: Duration,
    pub(crate) broker: Duration,
}

/// Whose time is looked at beside our own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Servers {
    pub(crate) redis: Option<u32>,
    pub(crate) broker: Option<u32>,
}

impl Servers {
    pub(crate) fn cpu(self) -> Cpu {
        let own = std::process::id();
        let load = thread(own, own);
        let outside = |pid: Option<u32>| pid.map(process).unwrap_or_default();
        Cpu {
            server: process(own).saturating_sub(load),
            load,
            redis: outside(self.redis),
            broker: outside(self.broker),
        }
    }
}

impl Sub for Cpu {
    type Output = Cpu;

    fn sub(self, before: Cpu) -> Cpu {
        Cpu {
            server: self.server.saturating_sub(before.server),
            load: self.load.saturating_sub(before.load),
            redis: self.redis.saturating_sub(before.redis),
            broker: self.broker.saturating_sub(before.broker),
        }
    }
}

/// All threads that live now.
fn process(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| Some(thread(pid, task.file_name().to_str()?.parse().ok()?))).sum()
}

/// `schedstat`: nanoseconds on a processor, nanoseconds waited, slices.
fn thread(pid: u32, thread: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
