//! What happens inside Redis. Each script has one key, a hash; `REPORTED` has one for each job:
//!
//! | field | |
//! |---|---|
//! | `keep` | when the entry is forgotten |
//! | `owner`, `until` | who holds the claim, and his lease's end; both or none |
//! | `unknowns` | hand-overs whose outcome nobody knows |
//! | `report`, `reported` | the final report's JSON, and `1` once it was published |
//!
//! Times are microseconds since 1970. They are kept as they came, as text: a Lua number of that size prints in
//! scientific notation.

use redis::Script;

pub(super) struct Scripts {
    pub(super) claim: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
    pub(super) settle: Script,
    pub(super) reported: Script,
}

impl Default for Scripts {
    fn default() -> Scripts {
        Scripts {
            claim: Script::new(&format!("{KEEP}{CLAIM}")),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
            settle: Script::new(&format!("{KEEP}{SETTLE}")),
            reported: Script::new(REPORTED),
        }
    }
}

/// Keeps the entry until `until` at least; `millis` is the same for Redis' own expiry. Neither is ever cut short.
const KEEP: &str = r"
local function keep(known, until_, millis)
    if not known or tonumber(until_) > tonumber(known) then
        redis.call('HSET', KEYS[1], 'keep', until_)
    end
    if redis.call('PTTL', KEYS[1]) < tonumber(millis) then
        redis.call('PEXPIRE', KEYS[1], millis)
    end
end
";

/// ARGV: owner, now, lease's end, keep until, milliseconds to keep. Answers kind, number, report.
const CLAIM: &str = r"
local owner, now = ARGV[1], tonumber(ARGV[2])
local e = redis.call('HMGET', KEYS[1], 'keep', 'owner', 'until', 'unknowns', 'report', 'reported')
if e[1] and tonumber(e[1]) <= now then
    redis.call('HDEL', KEYS[1], 'keep', 'owner', 'until', 'unknowns', 'report', 'reported')
    e = {false, false, false, false, false, false}
end
if e[5] then
    keep(e[1], ARGV[4], ARGV[5])
    return {'settled', e[6] and 1 or 0, e[5]}
end
local unknowns = tonumber(e[4] or '0')
if e[2] then
    if tonumber(e[3]) <= now then
        unknowns = redis.call('HINCRBY', KEYS[1], 'unknowns', 1)
    elseif e[2] ~= owner then
        keep(e[1], ARGV[4], ARGV[5])
        return {'busy', e[3], ''}
    end
end
redis.call('HSET', KEYS[1], 'owner', owner, 'until', ARGV[3])
keep(e[1], ARGV[4], ARGV[5])
return {'taken', unknowns, ''}
";

/// ARGV: owner, lease's end. A lease that lapsed and that nobody took is still the owner's.
const RENEW: &str = r"
if redis.call('HMGET', KEYS[1], 'owner')[1] ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'until', ARGV[2])
return 1
";

/// ARGV: owner, 1 if the hand-over may have gone through.
const RELEASE: &str = r"
if redis.call('HMGET', KEYS[1], 'owner')[1] == ARGV[1] then
    redis.call('HDEL', KEYS[1], 'owner', 'until')
    if ARGV[2] == '1' then
        redis.call('HINCRBY', KEYS[1], 'unknowns', 1)
    end
end
return 0
";

/// ARGV: report, keep until, milliseconds to keep. The first report wins.
const SETTLE: &str = r"
local e = redis.call('HMGET', KEYS[1], 'keep', 'report')
if not e[2] then
    redis.call('HSET', KEYS[1], 'report', ARGV[1])
    redis.call('HDEL', KEYS[1], 'owner', 'until')
end
keep(e[1], ARGV[2], ARGV[3])
return 0
";

/// No arguments. An entry that cannot be noted keeps no other from it, and would not be better for a second try.
const REPORTED: &str = r"
local function note(key)
    if redis.call('HMGET', key, 'report')[1] then
        redis.call('HSET', key, 'reported', '1')
    end
end
for _, key in ipairs(KEYS) do
    pcall(note, key)
end
return 0
";
