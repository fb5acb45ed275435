-- KEYS: 1 report. ARGV: 1 outcome or delivery, 2 the report, 3 keep until, 4 milliseconds until it may go.
-- Gives 1 to the first of a kind.
local known = redis.call('HMGET', KEYS[1], ARGV[1], 'keep')
if known[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if not known[2] or tonumber(known[2]) < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'keep', ARGV[3]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
