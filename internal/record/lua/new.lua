-- The part that create and handover share: it looks the record up, and makes a new one. found is left to what follows: what create
-- returns of a record that was there, nil where there was none. optional_from is where the fields begin that not every record has.
local clock = redis.call('TIME')
local found
if redis.call('EXISTS', KEYS[1]) == 1 then
  local r = redis.call('HMGET', KEYS[1], 'fingerprint', 'state', 'delivery', 'process_at', 'expires_at')
  if r[1] and not (r[5] and tonumber(r[5]) > 0 and tonumber(r[5]) <= tonumber(ARGV[5])) then -- a link's, which is of the world's clock
    found = {r[1] == ARGV[1] and 'same' or 'conflict', r[1], r[2], tonumber(r[3] or 1), tonumber(r[4])}
  elseif r[2] then -- only then: a script that has written something is not stopped any more when memory runs out
    redis.call('DEL', KEYS[1])
  end
end
if not found then
  -- Fences count from the clock, to the microsecond, which no chain of runs outpaces: a run of an earlier record under this id holds none
  -- that is current.
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'action', ARGV[2], 'request', ARGV[3], 'process_at', ARGV[4], 'state', 'queued',
    'enqueued_at', string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000)),
    'fence', string.format('%d', clock[1] * 1000000 + clock[2]), unpack(ARGV, optional_from))
end
