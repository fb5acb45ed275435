-- KEYS: 1 token, owner, transaction or report. ARGV: 1 which of them, 2 the serial or job id, if it is one, 3 at most.
-- Gives for each trail, the newest first: job id, keep, asked, confirmed, tries, end, outcome, delivery, whether it
-- lies in the outbox.
local most, job = tonumber(ARGV[3]), false
if ARGV[1] == 'report' then
  most, job = math.min(most, 1), ARGV[2]
elseif ARGV[1] == 'transaction' then
  most, job = math.min(most, 1), redis.call('GET', KEYS[1])
else
  local serial = ARGV[2]
  if ARGV[1] == 'owner' then serial = redis.call('GET', KEYS[1]) end
  job = serial and redis.call('HGET', space .. 'token:' .. serial, 'last')
end

local members = { 'keep', 'asked', 'confirmed', 'end', 'outcome', 'delivery', 'previous' }
local tries_from = #members + 1
for n = 0, 15 do members[#members + 1] = try_number(n) end

local trails = {}
while job and #trails < most do
  local known = redis.call('HMGET', space .. 'report:' .. job, unpack(members))
  if not known[1] then break end
  local tries = {}
  for n = tries_from, #members do
    if known[n] then tries[#tries + 1] = known[n] end
  end
  local in_outbox = redis.call('EXISTS', space .. 'job:' .. job)
  trails[#trails + 1] = { job, known[1], known[2], known[3], tries, known[4], known[5], known[6], in_outbox }
  job = known[7] and known[7] ~= '' and known[7]
end
return trails
