-- KEYS: 1 token, owner, transaction or report. ARGV: 1 which of them, 2 the serial or job id, if it is one, 3 at most of
-- each token, 4 the root, if it is one of several transactions', 5 tokens of an owner at most.
-- Gives for each trail, of a token the newest first: job id, keep, asked, confirmed, tries, end, outcome, delivery, whether
-- it lies in the outbox.
local most, begins = tonumber(ARGV[3]), {}
if ARGV[1] == 'report' then
  most, begins = math.min(most, 1), { ARGV[2] }
elseif ARGV[1] == 'transaction' then
  most = math.min(most, 1)
  begins = { redis.call('GET', KEYS[1]) or nil }
  for n = 1, (#begins == 0 and ARGV[4] ~= '') and tonumber(ARGV[5]) or 0 do
    local job = redis.call('GET', string.format('%stransaction:%s.%02d', space, ARGV[4], n))
    if job then begins[#begins + 1] = job end
  end
else
  local serials = { ARGV[2] }
  if ARGV[1] == 'owner' then
    serials = redis.call('SMEMBERS', KEYS[1])
    table.sort(serials)
  end
  for _, serial in ipairs(serials) do
    local job = redis.call('HGET', space .. 'token:' .. serial, 'last')
    if job then begins[#begins + 1] = job end
  end
end

local members = { 'keep', 'asked', 'confirmed', 'end', 'outcome', 'delivery', 'previous' }
local tries_from = #members + 1
for n = 0, 15 do members[#members + 1] = try_number(n) end

local trails = {}
for _, begin in ipairs(begins) do
  local job, until_here = begin, #trails + most
  while job and #trails < until_here do
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
end
return trails
