-- KEYS: 1 token.
local fails = redis.call('HGET', KEYS[1], 'fails')
if fails and tonumber(fails) > 0 then redis.call('HINCRBY', KEYS[1], 'fails', -1) end
return 1
