-- Has a delivery begin anew, whatever came of it. One that is being sent is left alone.
-- KEYS: the delivery, those that wait, those that failed, those that asynq has, those that are sent, those that rest, the dead
-- ARGV: id, now (ms), how long to keep it (ms), type and body of one whose body is not kept, or '' for neither
-- Returns the state that it was in, and its new round, '0' where it stays as it is
local old = redis.call('HMGET', KEYS[1], 'state', 'body')
local until_ms = tonumber(redis.call('ZSCORE', KEYS[5], ARGV[1]) or '0')
if until_ms > tonumber(ARGV[2]) then return {'sending', '0'} end
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'type', ARGV[4], 'body', ARGV[5])
elseif not old[2] then
  return {'gone', '0'}
end
local round = redis.call('HINCRBY', KEYS[1], 'round', 1)
redis.call('HSET', KEYS[1], 'state', 'pending', 'attempts', 0, 'begun', ARGV[2], 'due', ARGV[2])
redis.call('HDEL', KEYS[1], 'status', 'error')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZREM', KEYS[7], ARGV[1])
return {old[1] or 'new', tostring(round)}
