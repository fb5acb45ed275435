-- KEYS: 1 settings, 2 their revision. Both as of one moment.
return { redis.call('GET', KEYS[2]) or '0', redis.call('HGETALL', KEYS[1]) }
