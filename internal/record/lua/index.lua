-- KEYS: a shard of the index. ARGV: how (NX: add | XX: move | CH: either), then an id and when to look at it (ms from now), each.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], ARGV[1], now + ARGV[i + 1], ARGV[i])
end
return 0
