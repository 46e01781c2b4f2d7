-- KEYS: a delivery's hash in asynq, the queue's lease, scheduled, retry. ARGV: the delivery.
-- Returns its state (gone: no hash; empty: no message in it) and, in seconds: the end of its lease, or when it is due; 0 for none.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'gone', 0}
end
local r = redis.call('HMGET', KEYS[1], 'state', 'msg')
if not r[2] then
  return {'empty', 0}
end
local at = false
if r[1] == 'active' then
  at = redis.call('ZSCORE', KEYS[2], ARGV[1])
elseif r[1] == 'scheduled' then
  at = redis.call('ZSCORE', KEYS[3], ARGV[1])
elseif r[1] == 'retry' then
  at = redis.call('ZSCORE', KEYS[4], ARGV[1])
end
return {r[1] or '', math.floor(tonumber(at or 0))}
