-- KEYS: record. ARGV: id, channel, keep (ms), state (succeeded | failed | queued), code, message, result, expires_at (ms), subs_id, by.
-- Settles a task that is held as uncertain, or lets it run again. Returns what it was, the delivery that queued
-- needs, and where it was settled: when (ms).
local r = redis.call('HMGET', KEYS[1], 'state', 'resolved_by', 'delivery', 'history')
if not r[1] then
  return {'', 0}
end
if r[1] == 'queued' and ARGV[4] == 'queued' and r[2] == ARGV[10] then
  return {'uncertain', tonumber(r[3] or 1)} -- its reply was lost, and the delivery with it
end
if r[1] ~= 'uncertain' then
  return {r[1], 0}
end
redis.call('HSET', KEYS[1], 'resolved_by', ARGV[10], 'resolved_at', now)
note(r[4], 'resolved', 0, 0, 0, '', ARGV[4], '')
if ARGV[4] == 'queued' then
  redis.call('HDEL', KEYS[1], 'doubt_at', 'looks', 'refusal', 'crashes', 'look_crashes', 'finished_at')
  redis.call('HSET', KEYS[1], 'state', 'queued', 'suspect', 1)
  local delivery = tonumber(r[3] or 1) + 1
  redis.call('HSET', KEYS[1], 'delivery', delivery)
  return {'uncertain', delivery}
end
settle(ARGV[4], ARGV[1], ARGV[2], ARGV[3],
  {code = ARGV[5], message = ARGV[6], class = 'Rejected', request_id = '', result = ARGV[7], expires_at = ARGV[8], subs_id = ARGV[9],
  after_failure = true})
return {'uncertain', 0, now}
