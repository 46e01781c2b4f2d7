-- KEYS: since when, and when last, each key of each account was used. ARGV: how long a note counts (ms), account, fingerprint.
-- Returns for how long (ms) another key of the account has been used beside this one.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local mine, lasts = ARGV[2] .. ' ' .. ARGV[3], tonumber(ARGV[1])
local all = redis.call('HGETALL', KEYS[1])
local used = {}
for i = 1, #all, 2 do
  local first, last = string.match(all[i + 1], '^(%d+) (%d+)$')
  first, last = tonumber(first), tonumber(last)
  if not last or last < now - lasts or last > now + lasts then -- also of a clock that was put back since
    redis.call('HDEL', KEYS[1], all[i])
  else
    used[all[i]] = math.min(first, now)
  end
end
local since = used[mine] or now
redis.call('HSET', KEYS[1], mine, string.format('%.0f %.0f', since, now))
redis.call('PEXPIRE', KEYS[1], lasts)
local beside = 0
for name, first in pairs(used) do
  if name ~= mine and string.sub(name, 1, #ARGV[2] + 1) == ARGV[2] .. ' ' then
    beside = math.max(beside, now - math.max(first, since))
  end
end
return beside
