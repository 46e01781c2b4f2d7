-- Takes recordings that are due: each is offered again only after a lease.
-- KEYS[1] those that are due; ARGV: how many at most, the lease (ms)
-- Returns now, the score that they have from now on, and their calls' ids
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local again = now + tonumber(ARGV[2])
local taken = {tostring(now), tostring(again)}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  redis.call('ZADD', KEYS[1], again, id)
  taken[#taken + 1] = id
end
return taken
