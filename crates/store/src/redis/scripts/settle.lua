-- KEYS: 1 outbox. ARGV: job id, when it was confirmed or 0, job id, when …
redis.call('ZCARD', KEYS[1])
for n = 1, #ARGV, 2 do
  local id, confirmed = ARGV[n], ARGV[n + 1]
  redis.call('ZREM', KEYS[1], id)
  redis.call('DEL', space .. 'job:' .. id)
  -- The first word stays; a job that an older version put here has no trail.
  local noted = redis.pcall('HMGET', space .. 'report:' .. id, 'asked', 'confirmed')
  if confirmed ~= '0' and noted[1] and not noted[2] then note(id, 'confirmed', confirmed) end
end
return 1
