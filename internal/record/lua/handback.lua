-- KEYS: record. ARGV: fence, code, message: why the task waits, '' for no word of it.
-- Takes back what begin noted of a run from which nothing left, as if it had not been.
-- Returns done | again | stale | unknown.
local fence = ARGV[1]
local r = redis.call('HMGET', KEYS[1], 'state', 'fence', 'answered')
if not r[1] then
  return 'unknown'
end
if r[3] == fence then
  return 'again'
end
if r[2] ~= fence or r[1] ~= 'calling' and r[1] ~= 'looking' then
  return 'stale'
end
redis.call('HSET', KEYS[1], 'state', 'waiting', 'answered', fence)
redis.call('HDEL', KEYS[1], 'claim_until')
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'code', ARGV[2], 'message', ARGV[3], 'class', '', 'request_id', '')
end
if r[1] == 'calling' then
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
  if redis.call('HINCRBY', KEYS[1], 'calls', -1) == 0 then
    redis.call('HDEL', KEYS[1], 'noted_at', 'behind') -- the first call is still to come
  end
end
return 'done'
