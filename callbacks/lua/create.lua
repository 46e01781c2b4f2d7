-- Makes a delivery, unless it is there.
-- KEYS: the delivery, those that wait, those that asynq has
-- ARGV: id, now (ms), how long to keep it (ms), type, body, traceparent ('' for none)
-- Returns its state, its round, and 1 where asynq should have it
local old = redis.call('HMGET', KEYS[1], 'state', 'round')
if old[1] then
  local held = redis.call('ZSCORE', KEYS[3], ARGV[1])
  return {old[1], old[2], held and 1 or 0}
end
redis.call('HSET', KEYS[1], 'state', 'pending', 'round', 1, 'attempts', 0, 'begun', ARGV[2], 'due', ARGV[2], 'type', ARGV[4], 'body', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'traceparent', ARGV[6]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
return {'new', '1', 1}
