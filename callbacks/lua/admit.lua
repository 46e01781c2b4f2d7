-- Lets a delivery be sent, or says why not.
-- KEYS: the delivery, its endpoint, those that asynq has, those that are sent, those that rest
-- ARGV: id, its round, now (ms), how long it may take to be sent (ms), after how many failures in a row an endpoint rests, how much too early it may be (ms)
-- Returns drop: there is nothing to send · early: with when to come again · rest: it is sent when its endpoint is asked again
--   send: with body, attempts that failed, when it began, type, traceparent
local d = redis.call('HMGET', KEYS[1], 'state', 'round', 'due', 'body', 'attempts', 'begun', 'type', 'traceparent')
local now = tonumber(ARGV[3])
if not d[1] or d[2] ~= ARGV[2] or not d[4] or d[1] == 'delivered' or d[1] == 'dead' then return {'drop'} end
local claimed = tonumber(redis.call('ZSCORE', KEYS[4], ARGV[1]) or '0')
if claimed > now then return {'early', tostring(claimed)} end
if tonumber(d[3]) > now + tonumber(ARGV[6]) then return {'early', d[3]} end
local e = redis.call('HMGET', KEYS[2], 'disabled', 'probe', 'rest', 'fails')
local away = tonumber(e[4] or '0') >= tonumber(ARGV[5])
redis.call('ZREM', KEYS[3], ARGV[1])
if e[1] or tonumber(e[3] or '0') > now or (away and tonumber(e[2] or '0') > now) then
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZADD', KEYS[5], d[6], ARGV[1])
  return {'rest'}
end
if away then redis.call('HSET', KEYS[2], 'probe', now + tonumber(ARGV[4])) end
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZADD', KEYS[4], now + tonumber(ARGV[4]), ARGV[1])
return {'send', d[4], d[5], d[6], d[7], d[8] or ''}
