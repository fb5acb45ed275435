-- KEYS: 1 outbox. ARGV: job id, when it was confirmed or 0, job id, when …
redis.call('ZCARD', KEYS[1])
for n = 1, #ARGV, 2 do
  local id, confirmed = ARGV[n], ARGV[n + 1]
  redis.call('ZREM', KEYS[1], id)
  redis.call('DEL', space .. 'job:' .. id)
  -- A trail of another type must not keep the outbox from forgetting.
  local trail = space .. 'report:' .. id
  if confirmed ~= '0' and redis.pcall('HEXISTS', trail, 'asked') == 1 then
    redis.call('HSETNX', trail, 'confirmed', confirmed)
  end
end
return 1
