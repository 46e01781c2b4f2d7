-- Puts values in the place of others, each only where the other one still stands.
-- KEYS[1] a hash, or a key that holds one value; ARGV: field ('' for the one value), old value, new value of each
-- Returns how many were put there.
local put = 0
for i = 1, #ARGV, 3 do
  local field, old, new = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if field == '' then
    if redis.call('GET', KEYS[1]) == old then
      redis.call('SET', KEYS[1], new, 'KEEPTTL')
      put = put + 1
    end
  elseif redis.call('HGET', KEYS[1], field) == old then
    redis.call('HSET', KEYS[1], field, new)
    put = put + 1
  end
end
return put
