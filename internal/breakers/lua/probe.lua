-- KEYS: an account's breakers. ARGV: scope, run, how long the probe may take, the longest interval between probes (ms).
-- Returns closed, probe (it is this run that finds out) or held, and how long to wait (ms).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local probe, tries, lease, run, since, code = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (%d+) (%d+) (%S+) (%d+) (%S+)$')
if not probe then
  return {'closed', 0}
end
-- What is further ahead than it can be was written before the clock was put back: it counts from now on.
local rest, busy = math.min(probe - now, tonumber(ARGV[4])), math.min(lease - now, tonumber(ARGV[3]))
if rest < probe - now or busy < lease - now then
  probe, lease = string.format('%.0f', now + rest), string.format('%.0f', now + math.max(busy, 0))
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %s %s %s %s %s', probe, tries, lease, run, since, code))
end
if rest > 0 then
  return {'held', rest}
end
if run ~= '-' and run ~= ARGV[2] and busy > 0 then
  return {'held', busy}
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %s %.0f %s %s %s', probe, tries, now + ARGV[3], ARGV[2], since, code))
return {'probe', 0}
