-- KEYS: 1 audit log. ARGV: 1 about as many as are kept, then the records.
for n = 2, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'record', ARGV[n]) end
return 1
