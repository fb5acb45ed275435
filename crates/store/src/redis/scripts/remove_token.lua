-- KEYS: 1 token. ARGV: 1 serial, 2 now. Gives 1 if there was one.
local old = redis.call('HMGET', KEYS[1], 'record', 'owner', 'open')
local _, _, job = open_challenge(ARGV[1], old[3])
redis.call('ZCARD', space .. 'outbox')
redis.call('ZREM', space .. 'tokens', ARGV[1])
if not old[1] then return 0 end
if old[2] then redis.call('SREM', old[2], ARGV[1]) end
kill(job, ARGV[2])
redis.call('DEL', KEYS[1])
return 1
