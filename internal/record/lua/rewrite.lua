-- KEYS: record. ARGV: fence, request.
-- Gives a run that is calling the request which its task could not know before. Returns 1, or 0 where another run took over.
local r = redis.call('HMGET', KEYS[1], 'state', 'fence')
if r[1] ~= 'calling' or r[2] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'request', ARGV[2])
return 1
