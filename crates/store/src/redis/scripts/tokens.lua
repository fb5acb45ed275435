-- KEYS: 1 all serials, or an owner. ARGV: 1 which of them, 2 where to begin, 3 at most.
-- Gives for each token: serial, record, created, counter, fails, active.
local serials
if ARGV[1] == 'owner' then
  serials = redis.call('SMEMBERS', KEYS[1])
  table.sort(serials)
else
  serials = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])
end
local found = {}
for _, serial in ipairs(serials) do
  local token = redis.call('HMGET', space .. 'token:' .. serial, 'record', 'created', 'counter', 'fails', 'active')
  if token[1] then found[#found + 1] = { serial, token[1], token[2], token[3], token[4], token[5] } end
end
return found
