-- KEYS: a shard of the index. ARGV: how (NX: add | XX: move | CH: either), then an id and when to look at it (ms from now), each.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local most = 1000 -- members of one command: what unpack takes at once is limited
for first = 2, #ARGV, 2 * most do
  local entries = {}
  for i = first, math.min(first + 2 * most, #ARGV) - 1, 2 do
    entries[#entries + 1] = now + ARGV[i + 1]
    entries[#entries + 1] = ARGV[i]
  end
  redis.call('ZADD', KEYS[1], ARGV[1], unpack(entries))
end
return 0
