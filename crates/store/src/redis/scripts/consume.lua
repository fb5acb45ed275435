-- KEYS: 1 token, 2 challenge. ARGV: 1 serial, 2 transaction, 3 now. Gives 1 to exactly one caller.
local token = redis.call('HMGET', KEYS[1], 'active', 'open')
local challenge = redis.call('HMGET', KEYS[2], 'serial', 'expires')
if token[1] ~= '1' or token[2] ~= ARGV[2] or challenge[1] ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) >= tonumber(challenge[2]) then return 0 end
local trail, tries = open_trail(ARGV[2])

redis.call('HSET', KEYS[1], 'fails', 0)
redis.call('HDEL', KEYS[1], 'open')
take_back_try(trail, tries)
if trail then redis.call('HSET', trail, 'end', 'used ' .. ARGV[3]) end
return 1
