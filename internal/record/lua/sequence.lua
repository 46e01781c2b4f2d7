-- KEYS: the order of the changes to one thing. ARGV: order (of the change that wants to go), run, lease (ms), keep (ms).
-- Lets one change go at a time, and none after a newer one. Returns go | superseded | busy, and how long the other holds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'newest', 'run', 'until')
if r[1] and tonumber(r[1]) > tonumber(ARGV[1]) then
  return {'superseded', 0}
end
if r[2] and r[2] ~= ARGV[2] and tonumber(r[3]) > now then
  return {'busy', tonumber(r[3]) - now}
end
redis.call('HSET', KEYS[1], 'newest', ARGV[1], 'run', ARGV[2], 'until', now + ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'go', 0}
