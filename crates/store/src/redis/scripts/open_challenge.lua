-- KEYS: 1 token, 2 challenge, 3 outbox, 4 job, 5 report, 6 transaction.
-- ARGV: 1 serial, 2 counter as it must be, 3 counter as it becomes, 4 transaction, 5 challenge record, 6 opened at,
-- 7 expires at, 8 milliseconds until the challenge may go, 9 job id, 10 job record, 11 job expires at,
-- 12 milliseconds until the job may go, 13 due at, 14 how it was asked for, 15 keep the trail until, 16 milliseconds
-- until the trail may go.
-- Gives 1 if it opened; else 0, and transaction and record of what is open.
local token = redis.call('HMGET', KEYS[1], 'counter', 'fails', 'active', 'open', 'last')
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('HLEN', KEYS[4])
if not token[1] then return { 0, false, false } end
local open, expires, older = open_challenge(ARGV[1], token[4])

-- The right PIN is forgiven on every way.
if tonumber(token[2]) > 0 then
  redis.call('HINCRBY', KEYS[1], 'fails', -1)
  take_back_try(older, token[2])
end
if token[3] ~= '1' then return { 0, false, false } end
-- As text: a double would not tell large counters apart.
if token[1] ~= ARGV[2] then
  if open and tonumber(ARGV[6]) < tonumber(expires) then return { 0, token[4], open } end
  return { 0, false, false }
end

redis.call('HSET', KEYS[1], 'counter', ARGV[3], 'open', ARGV[4], 'last', ARGV[9])
redis.call('HSET', KEYS[2], 'record', ARGV[5], 'serial', ARGV[1], 'expires', ARGV[7], 'job', ARGV[9])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
redis.call('HSET', KEYS[4], 'record', ARGV[10], 'expires', ARGV[11])
redis.call('PEXPIRE', KEYS[4], ARGV[12])
redis.call('ZADD', KEYS[3], ARGV[13], ARGV[9])
note(older, 'end', 'replaced ' .. ARGV[6])
if note(ARGV[9], 'asked', ARGV[14], 'keep', ARGV[15], 'previous', token[5] or '') then
  redis.call('PEXPIRE', KEYS[5], ARGV[16])
end
redis.call('SET', KEYS[6], ARGV[9], 'PX', ARGV[16])
return { 1, false, false }
