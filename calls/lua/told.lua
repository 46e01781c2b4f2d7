-- Notes that a revision of a call was told on the stream of changes.
-- KEYS[1] the call; ARGV[1] the revision
local told = redis.call('HGET', KEYS[1], 'told')
if redis.call('EXISTS', KEYS[1]) == 1 and tonumber(told or '0') < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'told', ARGV[1])
end
return 1
