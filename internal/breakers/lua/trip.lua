-- KEYS: an account's breakers. ARGV: scope, run, code, first and longest interval between probes (ms), channel,
-- for how long a scope is kept that nobody probes (ms): producers name pools, and so scopes.
-- Opens a breaker, or takes note that its probe was denied. Returns 1 where it was closed, and when the next probe may go (ms from now).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local probe, tries, lease, run, since, code = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (%d+) (%d+) (%S+) (%d+) (%S+)$')
local new = probe == nil
if not new and run ~= ARGV[2] then
  return {0, math.min(math.max(probe - now, 0), tonumber(ARGV[5]))}
end
tries = new and 0 or tries + 1
local wait = math.min(tonumber(ARGV[4]) * 2 ^ math.min(tries, 20), tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f 0 - %.0f %s', now + wait, tries, new and now or since, ARGV[3]))
if new then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if tonumber(string.match(all[i + 1], '^%d+') or 0) + ARGV[7] < now then
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end
redis.call('PEXPIRE', KEYS[1], 604800000)
redis.call('PUBLISH', ARGV[6], 'open')
return {new and 1 or 0, wait}
