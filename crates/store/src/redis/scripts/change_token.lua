-- KEYS: 1 token; 2 owner, if it has one then.
-- ARGV: 1 serial, 2 record and 3 active as they must be, 4 record, 5 maximum of tries and 6 active as they become,
-- 7 whether its tries are forgotten, 8 whether its challenge ends, 9 counter as it must be and 10 as it becomes or
-- nothing, 11 now, 12 tokens that an owner may have.
-- Gives 'done', 'unknown', 'full', 'overtaken', or 'again' if another change came first.
local old = redis.call('HMGET', KEYS[1], 'record', 'owner', 'open', 'active', 'counter')
if not old[1] then return 'unknown' end
if old[1] ~= ARGV[2] or old[4] ~= ARGV[3] then return 'again' end
-- As text: a double would not tell large counters apart.
if ARGV[9] ~= '' and old[5] ~= ARGV[9] then return 'overtaken' end
local _, _, job = open_challenge(ARGV[1], old[3])
redis.call('ZCARD', space .. 'outbox')
if KEYS[2] and redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[12]) then
  return 'full'
end
if old[2] and old[2] ~= KEYS[2] then redis.call('SREM', old[2], ARGV[1]) end
redis.call('HSET', KEYS[1], 'record', ARGV[4], 'max', ARGV[5], 'active', ARGV[6])
if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'fails', 0) end
if ARGV[8] == '1' then
  kill(job, ARGV[11])
  redis.call('HDEL', KEYS[1], 'open')
  -- A trigger that has read the token before the change is overtaken.
  if ARGV[10] == '' then redis.call('HINCRBY', KEYS[1], 'counter', 1) end
end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'counter', ARGV[10]) end
if KEYS[2] then
  redis.call('HSET', KEYS[1], 'owner', KEYS[2])
  redis.call('SADD', KEYS[2], ARGV[1])
else
  redis.call('HDEL', KEYS[1], 'owner')
end
return 'done'
