-- Shared head of all scripts. One hash tag for every key: all lie in one slot, also those whose names a script
-- finds out only as it runs. Scripts read all they need before they write: a key of a wrong type stops them while
-- nothing has changed. Times are microseconds since 1970, handed in; Redis' own clock decides nothing.
local space = '{mtan}:'

-- Notes something on the trail of a job. A trail tells people what was and decides nothing: one of a wrong type is
-- left alone, and keeps nobody from logging in. It outlives its challenge and its outbox entry, so it is there.
local function note(job, ...)
  return job and type(redis.pcall('HSET', space .. 'report:' .. job, ...)) == 'number'
end

-- Where the last sixteen tries of a trail stand: by the token's count after them, so that nothing needs to be read.
local function try_number(fails) return 't' .. fails % 16 end

-- A try that was counted and taken back is none.
local function take_back_try(job, fails)
  if job then redis.pcall('HDEL', space .. 'report:' .. job, try_number(fails)) end
end

-- Record, expiry and job of a token's open challenge, expired or not; a record of another token is none of its own.
local function open_challenge(serial, transaction)
  if not transaction then return false, false, false end
  local found = redis.call('HMGET', space .. 'challenge:' .. transaction, 'record', 'expires', 'serial', 'job')
  if found[3] ~= serial then return false, false, false end
  return found[1], found[2], found[4]
end

-- A challenge ends by an administrator's hand: its job is not worth sending any more.
local function kill(job, now)
  if not job then return end
  redis.call('ZREM', space .. 'outbox', job)
  redis.call('DEL', space .. 'job:' .. job)
  note(job, 'end', 'changed ' .. now)
end
