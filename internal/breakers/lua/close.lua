-- KEYS: an account's breakers. ARGV: scope, channel. Returns how long it was open (ms), -1 where it was not.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local since = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+ %d+ %d+ %S+ (%d+) ')
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
  return -1
end
redis.call('PUBLISH', ARGV[2], 'closed')
return math.max(now - (since or now), 0)
