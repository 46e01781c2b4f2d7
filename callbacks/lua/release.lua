-- Gives a delivery that nobody has any more, or that rests, to asynq again, under its next round.
-- KEYS: the delivery, those that wait, those that failed, those that asynq has, those that are sent, those that rest
-- ARGV: id, now (ms)
-- Returns its round, 0 where it is over
local state = redis.call('HGET', KEYS[1], 'state')
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
if not state or state == 'delivered' or state == 'dead' then
  redis.call('ZREM', KEYS[4], ARGV[1])
  if not state then
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
  end
  return 0
end
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[1], 'due', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'round', 1)
