-- Shared head of all scripts. One hash tag for every key: all lie in one slot, also those whose names a script
-- finds out only as it runs. Scripts read all they need before they write: a key of a wrong type stops them while
-- nothing has changed. Times are microseconds since 1970, handed in; Redis' own clock decides nothing.
local space = '{mtan}:'

-- Record and expiry of a token's open challenge, expired or not; a record of another token is none of its own.
local function open_challenge(serial, transaction)
  if not transaction then return false, false end
  local found = redis.call('HMGET', space .. 'challenge:' .. transaction, 'record', 'expires', 'serial')
  if found[3] ~= serial then return false, false end
  return found[1], found[2]
end
