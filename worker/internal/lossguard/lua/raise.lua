-- KEYS: witness. ARGV: the largest value that the caller has seen, how long binds are to pause where Redis has forgotten some (ms).
-- Returns the raised value, how long binds still pause (ms), 1 where this call noticed that Redis forgot (0 otherwise).
-- Whoever notices tells it here: others may have seen less, and could not notice by themselves.
-- It writes twice, so that Redis keeps it as a transaction, as it keeps the notes of calls: what is refused when it loads its
-- append-only file (transactions, where its default user has no rights) is refused to both.
local seen, n, noticed = tonumber(ARGV[1]), redis.call('HINCRBY', KEYS[1], 'raised', 1), 0
redis.call('HSET', KEYS[1], 'pause', ARGV[2])
local pause_until = redis.call('HGET', KEYS[1], 'pause_until')
if n > seen and not pause_until then
  return {n, 0, 0}
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
pause_until = tonumber(pause_until or 0)
if n <= seen then
  n, noticed, pause_until = seen + 1, 1, now + tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'raised', n, 'pause_until', pause_until)
end
if pause_until - now > tonumber(ARGV[2]) then -- the clock was put back since
  pause_until = now + tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'pause_until', pause_until)
end
return {n, math.max(pause_until - now, 0), noticed}
