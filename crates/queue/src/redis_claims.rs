//! The claim book in Redis: one hash a job, each question one atomic script.

mod scripts;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, SendReport, Unknown};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, IntoConnectionInfo, RedisError, ScriptInvocation};
use tokio::time::timeout;

use crate::queue::QueueUrlError;
use scripts::Scripts;

/// For an answer, and for a new connection.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);
/// For a call with everything that may belong to it: connecting, loading the script, a second try.
const CALL_WITHIN: Duration = Duration::from_millis(900);
/// Bytes that Redis does not acknowledge for so long end the connection, also where nobody sends a reset.
const SILENCE: Duration = Duration::from_secs(3);
/// An entry stays this much longer in Redis than anybody asks for it: Redis has a clock of its own.
const KEPT_LONGER: Duration = Duration::from_secs(60);
/// What a Lua number holds exactly, in microseconds: the year 2255. Later is as good as never.
const LAST: i64 = 1 << 53;

/// The claim book in the Redis at `url`, `redis://` or `rediss://` (`redis://user:password@host:port/db`). Returns at
/// once: it connects with the first question, and again after every loss. Every question is answered, or is an
/// error, within a second. Needs a tokio runtime, and for `rediss://` rustls' installed crypto provider.
///
/// Times are the asker's: leases and deadlines are compared with the `now` that it brings. Redis' own expiry only
/// sweeps out what nobody asks for any more.
///
/// A sender needs nothing in Redis but its claims. As an ACL:
///
/// ```text
/// ACL SETUSER mtan-sender on >PASSWORD resetkeys resetchannels -@all ~mtan:claim:* +evalsha +script|load +hmget +hset +hdel +hincrby +pexpire +pttl
/// ```
pub fn redis_claims(url: &str) -> Result<Arc<dyn ClaimBook>, QueueUrlError> {
    let connection = connection(url)?;
    Ok(Arc::new(RedisClaims { connection, scripts: Scripts::default() }))
}

/// redis-rs' own words may hold a part of the address: they are not passed on.
fn connection(url: &str) -> Result<ConnectionManager, QueueUrlError> {
    let refused = |reason| QueueUrlError::new("claim book", reason);
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(refused("redis:// or rediss:// is expected"));
    }
    let shape = "redis://USER:PASSWORD@HOST:PORT/DATABASE is expected, special characters percent-encoded";
    let info = url.into_connection_info().map_err(|_| refused(shape))?;
    // CLIENT SETINFO is a right more that an ACL would have to give
    let login = info.redis_settings().clone().set_skip_set_lib_name();
    let tcp = info.tcp_settings().clone().set_nodelay(true).set_user_timeout(SILENCE);
    let client =
        Client::open(info.set_redis_settings(login).set_tcp_settings(tcp)).map_err(|_| refused(shape))?;
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_number_of_retries(0); // the next question tries again, and nobody waits for it before
    ConnectionManager::new_lazy_with_config(client, config).map_err(|_| refused(shape))
}

struct RedisClaims {
    connection: ConnectionManager,
    scripts: Scripts,
}

impl RedisClaims {
    /// Runs one script. A connection that turns out to be lost is made anew, and the script is sent once more: each
    /// of them does the same when it has already been run for the same asker. Silence is not tried again.
    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, ClaimError> {
        let tries = async {
            match script.invoke_async(&mut self.connection.clone()).await {
                Err(error) if lost(&error) => script.invoke_async(&mut self.connection.clone()).await,
                other => other,
            }
        };
        match timeout(CALL_WITHIN, tries).await {
            Ok(answer) => answer.map_err(|error: RedisError| ClaimError(error.to_string())),
            Err(_) => Err(ClaimError(format!("no answer in {CALL_WITHIN:?}"))),
        }
    }
}

fn lost(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
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
        let (kind, number, report): (String, i64, String) = self.run(&script).await?;
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
        self.run(&script).await
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError> {
        let mut script = self.scripts.release.key(key(id));
        script.arg(&owner.0).arg(u8::from(unknown == Unknown::Yes));
        self.run(&script).await
    }

    async fn settle(&self, report: &SendReport, keep_until: Timestamp) -> Result<(), ClaimError> {
        let mut script = self.scripts.settle.key(key(&report.job_id));
        script.arg(report.to_json()).arg(micros(keep_until)).arg(kept_millis(report.at, keep_until));
        self.run(&script).await
    }

    async fn reported(&self, id: &JobId) -> Result<(), ClaimError> {
        self.run(&self.scripts.reported.key(key(id))).await
    }
}

/// Each script has this one key, so in a cluster it is always at home in one slot.
fn key(id: &JobId) -> String {
    format!("mtan:claim:{id}")
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond().clamp(-LAST, LAST)
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

fn end(now: Timestamp, lease: Duration) -> Timestamp {
    now.saturating_add(lease).unwrap_or(Timestamp::MAX)
}

/// For Redis' expiry, as a span: an instant would be compared with Redis' clock, which may be another one.
fn kept_millis(now: Timestamp, keep_until: Timestamp) -> i64 {
    let longer = i64::try_from(KEPT_LONGER.as_millis()).unwrap_or(0);
    (micros(keep_until) - micros(now)).max(0) / 1000 + longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_password_shows_in_errors() {
        for bad in [
            "redis://user:hush@host:99999",
            "http://user:hush@host",
            "redis:hush",
            "hush",
            "rediss://user:hush@",
        ] {
            let Err(error) = redis_claims(bad) else { panic!("{bad} is no address") };
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hush"), "{shown}");
        }
    }

    #[test]
    fn redis_keeps_an_entry_a_minute_longer_than_it_is_asked_for() {
        let now = Timestamp::from_second(1_764_000_000).unwrap();
        assert_eq!(kept_millis(now, now + Duration::from_secs(10)), 70_000);
        assert_eq!(kept_millis(now, now - Duration::from_secs(10)), 60_000);
        assert!(kept_millis(Timestamp::UNIX_EPOCH, Timestamp::MAX) > 200 * 365 * 86_400_000);
    }
}
