//! The claim book in Redis: one hash a job, each question one atomic script; what went out is noted for many jobs in one.

mod scripts;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, SendReport, Unknown};

use crate::queue::QueueUrlError;
use crate::redis_link::{RedisLink, end, kept_millis, micros, time};
use scripts::Scripts;

/// The claim book in the Redis at `url`, `redis://` or `rediss://` (`redis://user:password@host:port/db`). Returns at
/// once: it connects with the first question, and again after every loss. Every question is answered, or is an
/// error, within a second. Needs a tokio runtime, and for `rediss://` rustls' installed crypto provider.
///
/// Times are the asker's: leases and deadlines are compared with the `now` that it brings. Redis' own expiry only
/// sweeps out what nobody asks for any more.
///
/// A sender needs nothing in Redis but its claims, its pools' rates, and the delivery reports that it awaits. As an ACL:
///
/// ```text
/// ACL SETUSER mtan-sender on >PASSWORD resetkeys resetchannels -@all ~mtan:claim:* ~mtan:rate:* ~mtan:delivery:* +evalsha +script|load +hmget +hset +hdel +hincrby +pexpire +pttl +get +set +time
/// ```
pub fn redis_claims(url: &str) -> Result<Arc<dyn ClaimBook>, QueueUrlError> {
    Ok(Arc::new(RedisClaims { link: RedisLink::new(url)?, scripts: Scripts::default() }))
}

struct RedisClaims {
    link: RedisLink,
    scripts: Scripts,
}

#[async_trait]
impl ClaimBook for RedisClaims {
    async fn claim(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
        keep_until: Timestamp,
    ) -> Result<Claim, ClaimError> {
        let mut script = self.scripts.claim.key(key(id));
        script.arg(&owner.0).arg(micros(now)).arg(micros(end(now, lease)));
        script.arg(micros(keep_until)).arg(kept_millis(now, keep_until));
        let (kind, number, report): (String, i64, String) = self.link.run(&script).await?;
        match kind.as_str() {
            "taken" => Ok(Claim::Taken { unknowns: u32::try_from(number).unwrap_or(u32::MAX) }),
            "busy" => Ok(Claim::Busy { until: time(number) }),
            "settled" => {
                let report =
                    SendReport::from_json(report.as_bytes()).map_err(|e| ClaimError(e.to_string()))?;
                Ok(Claim::Settled { report, reported: number == 1 })
            }
            _ => Err(ClaimError("an answer that no script of ours gives".to_owned())),
        }
    }

    async fn renew(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, ClaimError> {
        let mut script = self.scripts.renew.key(key(id));
        script.arg(&owner.0).arg(micros(end(now, lease)));
        self.link.run(&script).await
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError> {
        let mut script = self.scripts.release.key(key(id));
        script.arg(&owner.0).arg(u8::from(unknown == Unknown::Yes));
        self.link.run(&script).await
    }

    async fn settle(&self, report: &SendReport, keep_until: Timestamp) -> Result<(), ClaimError> {
        let mut script = self.scripts.settle.key(key(&report.job_id));
        script.arg(report.to_json()).arg(micros(keep_until)).arg(kept_millis(report.at, keep_until));
        self.link.run(&script).await
    }

    async fn reported(&self, ids: &[JobId]) -> Result<(), ClaimError> {
        if ids.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = ids.iter().map(key).collect();
        self.link.run(&self.scripts.reported.key(keys)).await
    }
}

/// All scripts but `reported` have this one key. That one has those of many jobs, which a cluster would refuse: see
/// `docs/adr/0011`.
fn key(id: &JobId) -> String {
    format!("mtan:claim:{id}")
}
