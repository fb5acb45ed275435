-- KEYS: 1 token. ARGV: 1 serial.
local token = redis.call('HMGET', KEYS[1], 'fails', 'open')
local _, _, job = open_challenge(ARGV[1], token[2])
if token[1] and tonumber(token[1]) > 0 then
  redis.call('HINCRBY', KEYS[1], 'fails', -1)
  take_back_try(job, token[1])
end
return 1
