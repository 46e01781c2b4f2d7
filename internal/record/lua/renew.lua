-- KEYS: record. ARGV: fence, lease (ms).
-- Keeps a run's claim while it looks. Returns 1, or 0 where another run took over.
local r = redis.call('HMGET', KEYS[1], 'state', 'fence')
if r[1] ~= 'looking' or r[2] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'claim_until', now + ARGV[2])
return 1
