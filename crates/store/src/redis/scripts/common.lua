-- Shared head of all scripts. One hash tag for every key: all lie in one slot, also those whose names a script
-- finds out only as it runs. Scripts read all they need before they write: a key of a wrong type stops them while
-- nothing has changed. Times are microseconds since 1970, handed in; Redis' own clock decides nothing.
local space = '{mtan}:'

-- The trail of a token's open challenge, if there is one: its key, and the tries against it. It tells people what was,
-- and decides nothing: one of a wrong type is none, and keeps nobody from logging in.
local function open_trail(transaction)
  local job = transaction and redis.pcall('GET', space .. 'transaction:' .. transaction)
  if type(job) ~= 'string' then return false, false end
  local found = redis.pcall('HMGET', space .. 'report:' .. job, 'asked', 'tries')
  if not found[1] then return false, false end
  return space .. 'report:' .. job, found[2] or ''
end

-- Takes the last try off a trail: it was a right one.
local function take_back_try(trail, tries)
  if trail and tries ~= '' then redis.call('HSET', trail, 'tries', (string.gsub(tries, '%-?%d+ $', ''))) end
end

-- Record and expiry of a token's open challenge, expired or not; a record of another token is none of its own.
local function open_challenge(serial, transaction)
  if not transaction then return false, false end
  local found = redis.call('HMGET', space .. 'challenge:' .. transaction, 'record', 'expires', 'serial')
  if found[3] ~= serial then return false, false end
  return found[1], found[2]
end
