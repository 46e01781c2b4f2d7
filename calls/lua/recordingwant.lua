-- Notes that the recording of a call is wanted.
-- KEYS[1] those that are due, KEYS[2] those that are tried, KEYS[3] those that are not kept
-- ARGV: the call's id, when to fetch it (ms) or nothing for at once, when the call was dialled (ms)
local due = ARGV[2]
if due == '' then
  local t = redis.call('TIME')
  due = t[1] * 1000 + math.floor(t[2] / 1000)
end
redis.call('ZADD', KEYS[1], 'LT', due, ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return 1
