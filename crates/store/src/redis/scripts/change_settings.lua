-- KEYS: 1 settings, 2 their revision. ARGV: the revision that the caller saw, then name, value ('' = it goes), name, …
-- Revisions are compared as texts: numbers here are floating-point.
redis.call('HLEN', KEYS[1])
local revision = redis.call('GET', KEYS[2]) or '0'
if revision ~= ARGV[1] then return false end
for n = 2, #ARGV, 2 do
  if ARGV[n + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[n])
  else
    redis.call('HSET', KEYS[1], ARGV[n], ARGV[n + 1])
  end
end
redis.call('INCR', KEYS[2])
return redis.call('GET', KEYS[2])
