-- KEYS: 1 token; 2 owner, if it has one.
-- ARGV: 1 serial, 2 record, 3 created, 4 maximum of tries, 5 active; for a new token 6 counter, 7 fails; 8 now, 9 tokens
-- that an owner may have.
local old = redis.call('HMGET', KEYS[1], 'record', 'owner', 'open')
local _, _, job = open_challenge(ARGV[1], old[3])
redis.call('ZCARD', space .. 'tokens')
if KEYS[2] and redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[9]) then
  return 0
end
if old[2] and old[2] ~= KEYS[2] then redis.call('SREM', old[2], ARGV[1]) end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'max', ARGV[4], 'active', ARGV[5])
if old[1] then
  -- A trigger that has read the token before the change is overtaken: no code goes to the old number.
  redis.call('HINCRBY', KEYS[1], 'counter', 1)
  -- The administrator's change is also the way out of a lock.
  redis.call('HSET', KEYS[1], 'fails', 0)
else
  redis.call('HSET', KEYS[1], 'created', ARGV[3], 'counter', ARGV[6], 'fails', ARGV[7])
end
note(job, 'end', 'changed ' .. ARGV[8])
redis.call('ZADD', space .. 'tokens', 0, ARGV[1])
redis.call('HDEL', KEYS[1], 'open', 'owner')
if KEYS[2] then
  redis.call('HSET', KEYS[1], 'owner', KEYS[2])
  redis.call('SADD', KEYS[2], ARGV[1])
end
return 1
