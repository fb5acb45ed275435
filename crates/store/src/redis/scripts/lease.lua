-- KEYS: 1 outbox. ARGV: 1 now, 2 due again at, 3 at most, 4 entries that expired before this are dropped.
-- Gives the jobs as id, record, id, record …, and how many were dropped.
local leased, gone, jobs = {}, {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  local job = redis.call('HMGET', space .. 'job:' .. id, 'record', 'expires')
  if job[1] and tonumber(job[2]) >= tonumber(ARGV[4]) then
    leased[#leased + 1] = id
    jobs[#jobs + 1] = id
    jobs[#jobs + 1] = job[1]
  else
    gone[#gone + 1] = id
  end
end
for _, id in ipairs(leased) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
for _, id in ipairs(gone) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('DEL', space .. 'job:' .. id)
end
return { jobs, #gone }
