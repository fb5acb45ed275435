-- KEYS: 1 token, owner or challenge. ARGV: 1 which of them, 2 the serial, if it is a token, 3 now, 4 the root, if it
-- is one of several challenges', 5 tokens of an owner at most.
-- Gives for each token: admission, record, created, counter, fails, active, open transaction, its record.
local serials = {}
if ARGV[1] == 'token' then
  serials = { ARGV[2] }
elseif ARGV[1] == 'owner' then
  serials = redis.call('SMEMBERS', KEYS[1])
  table.sort(serials)
else
  local own = redis.call('HGET', KEYS[1], 'serial')
  if own then
    serials = { own }
  elseif ARGV[4] ~= '' then
    for n = 1, tonumber(ARGV[5]) do
      local sibling = redis.call('HGET', string.format('%schallenge:%s.%02d', space, ARGV[4], n), 'serial')
      if sibling then serials[#serials + 1] = sibling end
    end
  end
end

-- All is read before anything is counted.
local found = {}
for _, serial in ipairs(serials) do
  local key = space .. 'token:' .. serial
  local token = redis.call('HMGET', key, 'record', 'created', 'counter', 'fails', 'active', 'max', 'open')
  if token[1] then
    local challenge, _, job = open_challenge(serial, token[7])
    found[#found + 1] = { key, token, challenge, job }
  end
end

local tried, counted = {}, false
for _, one in ipairs(found) do
  local key, token, challenge, job = one[1], one[2], one[3], one[4]
  local admission, fails = 'counted', tonumber(token[4])
  if token[5] ~= '1' then
    admission = 'inactive'
  elseif fails >= tonumber(token[6]) then
    admission = 'locked'
  else
    fails = redis.call('HINCRBY', key, 'fails', 1)
    counted = true
    note(job, try_number(fails), ARGV[3])
  end
  tried[#tried + 1] = { admission, token[1], token[2], token[3], fails, token[5], token[7], challenge }
end
-- A write is waited for: it goes to the disk and to the replicas before the answer. So there is one in any case, or time
-- would tell who does not exist, is locked or switched off.
if not counted then redis.call('HINCRBY', space .. 'nobody', 'fails', 1) end
return tried
