-- KEYS: 1 token, 2 challenge; then the user's other tokens that were tried. ARGV: 1 serial, 2 transaction, 3 now,
-- 4 its root and a dot; then the others' serials. Gives 1 to exactly one caller.
local token = redis.call('HMGET', KEYS[1], 'active', 'open')
local challenge = redis.call('HMGET', KEYS[2], 'serial', 'expires', 'job')
local others = {}
for n = 3, #KEYS do
  local open = redis.call('HGET', KEYS[n], 'open')
  local sibling = open and string.sub(open, 1, #ARGV[4]) == ARGV[4]
  local _, _, job = open_challenge(ARGV[n + 2], sibling and open)
  others[#others + 1] = { KEYS[n], sibling, job }
end
if token[1] ~= '1' or token[2] ~= ARGV[2] or challenge[1] ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) >= tonumber(challenge[2]) then return 0 end
redis.call('HSET', KEYS[1], 'fails', 0)
redis.call('HDEL', KEYS[1], 'open')
-- The last try is the right one: whoever reads the trail leaves it out.
note(challenge[3], 'end', 'used ' .. ARGV[3])
for _, other in ipairs(others) do
  -- One that is gone meanwhile is not made anew.
  if redis.call('HEXISTS', other[1], 'fails') == 1 then redis.call('HSET', other[1], 'fails', 0) end
  if other[2] then
    redis.call('HDEL', other[1], 'open')
    note(other[3], 'end', 'sibling ' .. ARGV[3])
  end
end
return 1
