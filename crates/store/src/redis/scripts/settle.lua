-- KEYS: 1 outbox. ARGV: job ids.
redis.call('ZCARD', KEYS[1])
for _, id in ipairs(ARGV) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('DEL', space .. 'job:' .. id)
end
return 1
