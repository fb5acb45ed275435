//! A Redis that several processes share: one connection that is made anew after every loss, answers within a second.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::ClaimError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, IntoConnectionInfo, RedisError, ScriptInvocation};
use tokio::time::timeout;

use crate::queue::QueueUrlError;

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

/// Connects with the first question, and again after every loss.
pub(crate) struct RedisLink(ConnectionManager);

impl RedisLink {
    /// redis-rs' own words may hold a part of the address: they are not passed on.
    pub(crate) fn new(url: &str) -> Result<RedisLink, QueueUrlError> {
        let refused = |reason| QueueUrlError::new("claim book", reason);
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return Err(refused("redis:// or rediss:// is expected"));
        }
        let shape =
            "redis://USER:PASSWORD@HOST:PORT/DATABASE is expected, special characters percent-encoded";
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
        ConnectionManager::new_lazy_with_config(client, config).map(RedisLink).map_err(|_| refused(shape))
    }

    /// Runs one script. A connection that turns out to be lost is made anew, and the script is sent once more: each
    /// of ours does the same when it has already been run for the same asker. Silence is not tried again.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, ClaimError> {
        let tries = async {
            match script.invoke_async(&mut self.0.clone()).await {
                Err(error) if lost(&error) => script.invoke_async(&mut self.0.clone()).await,
                other => other,
            }
        };
        match timeout(CALL_WITHIN, tries).await {
            Ok(answer) => answer.map_err(|error: RedisError| ClaimError(error.to_string())),
            Err(_) => Err(ClaimError(format!("no answer in {CALL_WITHIN:?}"))),
        }
    }
}

impl fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisLink(..)")
    }
}

fn lost(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond().clamp(-LAST, LAST)
}

pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

pub(crate) fn end(now: Timestamp, lease: Duration) -> Timestamp {
    now.saturating_add(lease).unwrap_or(Timestamp::MAX)
}

/// For Redis' expiry, as a span: an instant would be compared with Redis' clock, which may be another one.
pub(crate) fn kept_millis(now: Timestamp, keep_until: Timestamp) -> i64 {
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
            let Err(error) = RedisLink::new(bad) else { panic!("{bad} is no address") };
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
