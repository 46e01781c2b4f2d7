-- KEYS: any key, of any type.
-- Writes the key without a change, so that a WAIT behind it speaks of everything before, though nothing was left to be written.
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
  redis.call('PEXPIRE', KEYS[1], 86400000)
  redis.call('PERSIST', KEYS[1])
elseif left > 0 then
  redis.call('PEXPIRE', KEYS[1], left)
end
