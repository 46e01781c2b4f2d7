-- KEYS: an account's breakers. ARGV: scope, run, how long the probe may take (ms).
-- Returns closed, probe (it is this run that finds out) or held, and how long to wait (ms).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local probe, tries, lease, run, since, code = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (%d+) (%d+) (%S+) (%d+) (%S+)$')
if not probe then
  return {'closed', 0}
end
if now < tonumber(probe) then
  return {'held', probe - now}
end
if run ~= '-' and run ~= ARGV[2] and now < tonumber(lease) then
  return {'held', lease - now}
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %s %.0f %s %s %s', probe, tries, now + ARGV[3], ARGV[2], since, code))
return {'probe', 0}
