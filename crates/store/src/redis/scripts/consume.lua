-- KEYS: 1 token, 2 challenge; then the user's other tokens that were tried. ARGV: 1 serial, 2 transaction, 3 now,
-- 4 its root, if it is one of several challenges', 5 how many a root has at most. Gives 1 to exactly one caller.
local token = redis.call('HMGET', KEYS[1], 'active', 'open')
local challenge = redis.call('HMGET', KEYS[2], 'serial', 'expires', 'job')
if token[1] ~= '1' or token[2] ~= ARGV[2] or challenge[1] ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) >= tonumber(challenge[2]) then return 0 end
local tried, siblings = {}, {}
for n = 3, #KEYS do
  -- One that is gone meanwhile is not made anew.
  if redis.call('HEXISTS', KEYS[n], 'fails') == 1 then tried[#tried + 1] = KEYS[n] end
end
for n = 1, ARGV[4] ~= '' and tonumber(ARGV[5]) or 0 do
  local id = string.format('%s.%02d', ARGV[4], n)
  local serial = id ~= ARGV[2] and redis.call('HGET', space .. 'challenge:' .. id, 'serial')
  if serial and redis.call('HGET', space .. 'token:' .. serial, 'open') == id then
    local _, _, job = open_challenge(serial, id)
    siblings[#siblings + 1] = { space .. 'token:' .. serial, job }
  end
end
redis.call('HSET', KEYS[1], 'fails', 0)
redis.call('HDEL', KEYS[1], 'open')
-- The last try is the right one: whoever reads the trail leaves it out.
note(challenge[3], 'end', 'used ' .. ARGV[3])
for _, other in ipairs(tried) do redis.call('HSET', other, 'fails', 0) end
for _, sibling in ipairs(siblings) do
  redis.call('HDEL', sibling[1], 'open')
  note(sibling[2], 'end', 'sibling ' .. ARGV[3])
end
return 1
