-- KEYS: record. ARGV: fingerprint, action, request, process_at, deadline (ms, 0 for none), undoing, undoes, change, order, now by the clock of who asks (ms), account.
-- Returns verdict, fingerprint, state, delivery, process_at of what was there; with new the verdict alone.
local found = redis.call('HMGET', KEYS[1], 'fingerprint', 'state', 'delivery', 'process_at', 'expires_at')
local stale = found[5] and tonumber(found[5]) > 0 and tonumber(found[5]) <= tonumber(ARGV[10]) -- a link's, which is of the world's clock
if found[1] and not stale then
  local verdict = found[1] == ARGV[1] and 'same' or 'conflict'
  return {verdict, found[1], found[2], tonumber(found[3] or 1), tonumber(found[4])}
end
if found[2] then -- only then: a script that has written something is not stopped any more when memory runs out
  redis.call('DEL', KEYS[1])
end
-- Fences count from the clock, to the microsecond, which no chain of runs outpaces: a run of an earlier record under this id holds none that is current.
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'action', ARGV[2], 'request', ARGV[3], 'process_at', ARGV[4],
  'deadline', ARGV[5], 'state', 'queued', 'delivery', '1', 'enqueued_at', int(clock[1] * 1000 + math.floor(clock[2] / 1000)),
  'fence', int(clock[1] * 1000000 + clock[2]), 'attempts', '0', 'calls', '0', 'undoing', ARGV[6])
if ARGV[11] ~= '' then
  redis.call('HSET', KEYS[1], 'account', ARGV[11])
end
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[1], 'undoes', ARGV[7])
end
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[1], 'change', ARGV[8], 'order', ARGV[9])
end
return {'new'}
