-- KEYS: record. ARGV: the delivery that is over, how long a claim holds at the most (ms).
-- A claim for longer was made before the clock was put back: the run that begins bounds it.
-- Returns the delivery to make in its place, 0 where the task needs none: it is settled, gone, or being performed.
local r = redis.call('HMGET', KEYS[1], 'state', 'delivery', 'claim_until')
if r[1] == 'calling' or r[1] == 'looking' then
  local clock = redis.call('TIME')
  local rest = tonumber(r[3] or 0) - clock[1] * 1000 - math.floor(clock[2] / 1000)
  if rest > 0 and rest <= tonumber(ARGV[2]) then
    return 0
  end
elseif r[1] ~= 'queued' and r[1] ~= 'waiting' then
  return 0
end
local delivery = tonumber(r[2] or 1)
if delivery == tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'delivery', delivery + 1)
  return delivery + 1
end
return delivery -- somebody else was here, or a reply was lost
