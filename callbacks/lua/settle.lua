-- Notes what came of sending a delivery. Whoever has delivered it is believed, whatever came in between.
-- KEYS: the delivery, its endpoint, those that wait, those that failed, those that asynq has, those that are sent, those that rest, the dead
-- ARGV: id, its round, now (ms), what came of it, status, why it failed, when it is due again (ms), until when the endpoint rests (ms), how long to keep it (ms),
--   after how many failures in a row an endpoint rests, for how long at first and at the most (ms)
-- What came of it: delivered · failed · gone: the endpoint wants nothing any more · dead · cut: nothing is known
-- Returns whether it was noted, how many times in a row the endpoint has failed, 1 where it was disabled by this
local d = redis.call('HMGET', KEYS[1], 'state', 'round', 'begun')
local result, now = ARGV[4], tonumber(ARGV[3])
if not d[1] or d[1] == 'delivered' or (d[2] ~= ARGV[2] and result ~= 'delivered') then return {0, 0, 0} end
redis.call('ZREM', KEYS[6], ARGV[1])
if result == 'cut' then
  redis.call('ZADD', KEYS[5], now, ARGV[1])
  redis.call('HDEL', KEYS[2], 'probe') -- it asked the endpoint nothing: another one may
  return {1, 0, 0}
end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'status', ARGV[5], 'error', ARGV[6])
redis.call('HSET', KEYS[2], 'last_status', ARGV[5])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[7], ARGV[1])
if result == 'delivered' then
  redis.call('HSET', KEYS[1], 'state', 'delivered')
  redis.call('HDEL', KEYS[1], 'body', 'error')
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZREM', KEYS[8], ARGV[1])
  redis.call('HSET', KEYS[2], 'last_success', now, 'fails', 0)
  redis.call('HDEL', KEYS[2], 'probe')
  redis.call('HINCRBY', KEYS[2], 'delivered', 1)
  return {1, 0, 0}
end
local fails = redis.call('HINCRBY', KEYS[2], 'fails', 1)
redis.call('HSET', KEYS[2], 'last_failure', now, 'last_error', ARGV[6])
local over = fails - tonumber(ARGV[10])
if over >= 0 then
  redis.call('HSET', KEYS[2], 'probe', now + math.min(tonumber(ARGV[11]) * 2 ^ math.min(over, 30), tonumber(ARGV[12])))
end
local rest = tonumber(redis.call('HGET', KEYS[2], 'rest') or '0')
if tonumber(ARGV[8]) > rest then redis.call('HSET', KEYS[2], 'rest', ARGV[8]) end
if result == 'dead' then
  redis.call('HSET', KEYS[1], 'state', 'dead')
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZADD', KEYS[8], now, ARGV[1])
  return {1, fails, 0}
end
redis.call('HSET', KEYS[1], 'state', 'failing')
redis.call('ZADD', KEYS[4], d[3], ARGV[1])
if result == 'gone' then
  redis.call('HSET', KEYS[1], 'due', now)
  redis.call('ZADD', KEYS[7], d[3], ARGV[1])
  return {1, fails, redis.call('HSETNX', KEYS[2], 'disabled', now)}
end
redis.call('HSET', KEYS[1], 'due', ARGV[7])
redis.call('ZADD', KEYS[5], ARGV[7], ARGV[1])
return {1, fails, 0}
