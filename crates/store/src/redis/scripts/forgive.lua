-- KEYS: 1 token.
local token = redis.call('HMGET', KEYS[1], 'fails', 'open')
local trail, tries = open_trail(token[2])
if token[1] and tonumber(token[1]) > 0 then
  redis.call('HINCRBY', KEYS[1], 'fails', -1)
  take_back_try(trail, tries)
end
return 1
