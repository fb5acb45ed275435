//! Awaited delivery reports in Redis: one hash a job, each question one atomic script.
//!
//! | field | |
//! |---|---|
//! | `keep` | when the entry is forgotten |
//! | `ticket`, `pool` | what who has news must present, and whose hand-over it was made for |
//! | `awaited` | what the report needs to know, JSON |
//! | `until`, `by` | the end of the time in which somebody publishes the news, and who does |
//! | `told` | `1` once they were published |
//!
//! Times are microseconds since 1970, kept as they came, as text.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Awaited, ClaimError, DeliveryBook, JobId, News, Ticket};
use redis::Script;

use crate::queue::QueueUrlError;
use crate::redis_link::{RedisLink, end, kept_millis, micros};

/// ARGV: awaited, fresh ticket, now, keep until, milliseconds to keep, pool. Answers the ticket that counts.
const EXPECT: &str = r"
local e = redis.call('HMGET', KEYS[1], 'keep', 'ticket', 'pool')
if e[1] and tonumber(e[1]) <= tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], 'keep', 'ticket', 'pool', 'awaited', 'until', 'by', 'told')
    e = {false, false, false}
end
local ticket = e[3] == ARGV[6] and e[2] or ARGV[2]
redis.call('HSET', KEYS[1], 'awaited', ARGV[1], 'ticket', ticket, 'pool', ARGV[6])
if not e[1] or tonumber(ARGV[4]) > tonumber(e[1]) then
    redis.call('HSET', KEYS[1], 'keep', ARGV[4])
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return ticket
";

/// ARGV: ticket, now, the end of the time to publish, who asks. Answers kind, awaited; the same to who asks again, having lost
/// the answer on the way.
const PRESENT: &str = r"
local now = tonumber(ARGV[2])
local e = redis.call('HMGET', KEYS[1], 'keep', 'ticket', 'awaited', 'until', 'told', 'by')
if not e[1] or tonumber(e[1]) <= now or e[2] ~= ARGV[1] then
    return {'nobody', ''}
end
if e[5] then
    return {'told', ''}
end
if e[4] and tonumber(e[4]) > now and e[6] ~= ARGV[4] then
    return {'busy', ''}
end
redis.call('HSET', KEYS[1], 'until', ARGV[3], 'by', ARGV[4])
return {'first', e[3]}
";

/// No arguments.
const TOLD: &str = r"
if redis.call('HMGET', KEYS[1], 'ticket')[1] then
    redis.call('HSET', KEYS[1], 'told', '1')
end
return 0
";

/// The book of awaited delivery reports in the Redis at `url`; all that [`crate::redis_claims`] says holds here too.
pub fn redis_deliveries(url: &str) -> Result<Arc<dyn DeliveryBook>, QueueUrlError> {
    let [expect, present, told] = [EXPECT, PRESENT, TOLD].map(Script::new);
    Ok(Arc::new(RedisDeliveries { link: RedisLink::new(url)?, expect, present, told }))
}

struct RedisDeliveries {
    link: RedisLink,
    expect: Script,
    present: Script,
    told: Script,
}

#[async_trait]
impl DeliveryBook for RedisDeliveries {
    async fn expect(
        &self,
        awaited: &Awaited,
        fresh: &Ticket,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<Ticket, ClaimError> {
        let mut script = self.expect.key(key(&awaited.job_id));
        script.arg(awaited.to_json()).arg(fresh.expose()).arg(micros(now));
        script.arg(micros(keep_until)).arg(kept_millis(now, keep_until)).arg(awaited.pool.as_str());
        self.link.run(&script).await.map(Ticket::from_text)
    }

    async fn present(
        &self,
        id: &JobId,
        ticket: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<News, ClaimError> {
        let mut script = self.present.key(key(id));
        let who = getrandom::u64().map_err(|_| ClaimError("the system has no randomness".to_owned()))?;
        script.arg(ticket).arg(micros(now)).arg(micros(end(now, lease))).arg(format!("{who:016x}"));
        let (kind, awaited): (String, String) = self.link.run(&script).await?;
        match kind.as_str() {
            "first" => Awaited::from_json(&awaited).map(News::First),
            "told" => Ok(News::Told),
            "busy" => Ok(News::Busy),
            "nobody" => Ok(News::Nobody),
            _ => Err(ClaimError("an answer that no script of ours gives".to_owned())),
        }
    }

    async fn told(&self, id: &JobId) -> Result<(), ClaimError> {
        self.link.run(&self.told.key(key(id))).await
    }
}

/// Each script has this one key, so in a cluster it is always at home in one slot.
fn key(id: &JobId) -> String {
    format!("mtan:delivery:{id}")
}
