-- KEYS: 1 token, owner or challenge. ARGV: 1 which of them, 2 the serial, if it is a token, 3 now.
-- Gives nil, or admission, record, created, counter, fails, active, open transaction, its record.
local serial
if ARGV[1] == 'token' then
  serial = ARGV[2]
elseif ARGV[1] == 'owner' then
  serial = redis.call('GET', KEYS[1])
else
  serial = redis.call('HGET', KEYS[1], 'serial')
end
if not serial then return false end

local key = space .. 'token:' .. serial
local token = redis.call('HMGET', key, 'record', 'created', 'counter', 'fails', 'active', 'max', 'open')
if not token[1] then return false end
local challenge, _, job = open_challenge(serial, token[7])

local admission, fails = 'counted', tonumber(token[4])
if token[5] ~= '1' then
  admission = 'inactive'
elseif fails >= tonumber(token[6]) then
  admission = 'locked'
else
  fails = redis.call('HINCRBY', key, 'fails', 1)
  note(job, try_number(fails), ARGV[3])
end
return { admission, token[1], token[2], token[3], fails, token[5], token[7], challenge }
