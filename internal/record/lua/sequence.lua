-- KEYS: the order of the changes to one thing. ARGV: order (of the change that wants to go), run, lease (ms), keep (ms).
-- Lets one change go at a time, and none after a newer one. Returns go | superseded | busy, and how long the other holds.
local order, lease = tonumber(ARGV[1]), tonumber(ARGV[3])
local r = redis.call('HMGET', KEYS[1], 'newest', 'run', 'until', 'drawn')
if r[1] and tonumber(r[1]) > order then
  return {'superseded', 0}
end
if r[2] and r[2] ~= ARGV[2] then
  local rest = tonumber(r[3]) - now
  if rest > lease then -- the clock was put back since
    rest = lease
    redis.call('HSET', KEYS[1], 'until', now + lease)
  end
  if rest > 0 then
    return {'busy', rest}
  end
end
-- What is drawn from now on is newer, also where the order was lost and has just begun again.
local drawn = string.format('%.0f', math.max(tonumber(r[4] or 0), order))
redis.call('HSET', KEYS[1], 'newest', ARGV[1], 'run', ARGV[2], 'until', now + lease, 'drawn', drawn)
keep(r[4], ARGV[4])
return {'go', 0}
