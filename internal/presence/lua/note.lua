-- KEYS: names by when they were noted. ARGV: how long a note counts (ms), names.
-- Those that no longer count are dropped.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[1], '+inf') -- of a clock that was put back since
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
