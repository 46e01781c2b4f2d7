-- KEYS: an account's breakers. ARGV: scope, run, when another probe may go (ms from now).
-- Gives up a probe that has shown nothing.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local probe, tries, lease, run, since, code = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (%d+) (%d+) (%S+) (%d+) (%S+)$')
if run == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s 0 - %s %s', now + ARGV[3], tries, since, code))
end
return 0
