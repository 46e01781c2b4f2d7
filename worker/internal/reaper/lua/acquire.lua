-- KEYS: a lock. ARGV: the holder's token, how long it is to hold from now on (ms).
-- Returns 1, or 0 where another holds it, the time of this clock (ms), and how long it is held (ms).
local clock = redis.call('TIME')
local mine = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
local held = tonumber(ARGV[2])
if not mine then
  local left = redis.call('PTTL', KEYS[1])
  if left > held then -- the clock was put back since
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  else
    held = left
  end
end
return {mine and 1 or 0, clock[1] * 1000 + math.floor(clock[2] / 1000), held}
