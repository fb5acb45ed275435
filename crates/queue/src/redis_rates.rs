//! The pools' rates in Redis: one number a pool, moved on by one atomic script.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mtan_jobs::{Limit, Pool, RateBook, RateError, Turn};
use redis::Script;

use crate::queue::QueueUrlError;
use crate::redis_link::RedisLink;

/// [`Limit::take`] inside Redis. KEYS: the pool's rate. ARGV: interval in microseconds, burst, how many would go. Answers
/// how many may go, and the microseconds to wait where none may.
///
/// The clock is that of Redis, one for all senders. The number is written as text of our own making: Lua prints one of
/// that size in scientific notation. It counts for nothing once its time is past, so it expires then.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ahead = interval * burst
local due = tonumber(redis.call('GET', KEYS[1]) or now)
due = math.min(math.max(due, now), now + ahead)
local go = math.min(math.floor((ahead - (due - now)) / interval), most)
if go < 1 then
    return {0, due + interval - ahead - now}
end
due = due + interval * go
local left = math.ceil((due - now) / 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', string.format('%.0f', left))
return {go, 0}
";

/// The rates in the Redis at `url`, as [`redis_claims`](crate::redis_claims) takes it; the rights that it needs stand
/// there. Connects with the first question, answers or fails within a second. A script that is sent once more after a
/// lost connection may have run twice: then a turn is lost, none is made. A failover that loses the last write lets
/// through as many SMS again as that write did.
///
/// # Errors
/// The text is not the address of a Redis.
pub fn redis_rates(url: &str) -> Result<Arc<dyn RateBook>, QueueUrlError> {
    Ok(Arc::new(RedisRates { link: RedisLink::new(url)?, take: Script::new(TAKE) }))
}

struct RedisRates {
    link: RedisLink,
    take: Script,
}

#[async_trait]
impl RateBook for RedisRates {
    async fn take(&self, pool: &Pool, limit: &Limit, most: u32) -> Result<Turn, RateError> {
        // one key, so in a cluster the script is always at home in one slot
        let mut script = self.take.key(format!("mtan:rate:{pool}"));
        script.arg(limit.interval_micros()).arg(limit.burst()).arg(most.max(1));
        let (go, wait): (u32, u64) = self.link.run(&script).await.map_err(|e| RateError(e.0))?;
        Ok(if go > 0 { Turn::Go(go) } else { Turn::Wait(Duration::from_micros(wait)) })
    }
}
