-- KEYS: 1 token, 2 challenge. ARGV: 1 serial, 2 transaction, 3 now. Gives 1 to exactly one caller.
local token = redis.call('HMGET', KEYS[1], 'active', 'open')
local challenge = redis.call('HMGET', KEYS[2], 'serial', 'expires', 'job')
if token[1] ~= '1' or token[2] ~= ARGV[2] or challenge[1] ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) >= tonumber(challenge[2]) then return 0 end
redis.call('HSET', KEYS[1], 'fails', 0)
redis.call('HDEL', KEYS[1], 'open')
-- The last try is the right one: whoever reads the trail leaves it out.
note(challenge[3], 'end', 'used ' .. ARGV[3])
return 1
