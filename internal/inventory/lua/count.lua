-- Returns how many leases there are, how many of them are not settled, then where numbers are counted and how many are there, and
-- of those that are idle how many have rested.
local reply = {redis.call('HLEN', KEYS[5]), redis.call('ZCARD', KEYS[7])}
local counts = redis.call('HGETALL', KEYS[14])
for i = 1, #counts, 2 do
  local city, rested = string.match(counts[i], '^idle|(.*)$'), 0
  if city then
    rested = redis.call('ZLEXCOUNT', KEYS[3], '[' .. city .. '|', '(' .. city .. '|' .. string.format('%013d', now + 1))
  end
  table.insert(reply, counts[i])
  table.insert(reply, tonumber(counts[i + 1]))
  table.insert(reply, rested)
end
return reply
