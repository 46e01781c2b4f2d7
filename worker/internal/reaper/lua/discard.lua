-- KEYS: a delivery's hash in asynq, then the queue's active, lease, pending, scheduled, retry, archived, completed, and its quarantine.
-- ARGV: the delivery, its message as it was seen ('' for none), until when a lease counts as lapsed (s), and a note with which
-- the message is to be kept ('' to throw it away).
-- Takes the delivery out of asynq. Returns 1, or 0 where a lease holds, or things have changed since they were seen.
local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
if lease and tonumber(lease) > tonumber(ARGV[3]) then
  return 0
end
local msg = redis.call('HGET', KEYS[1], 'msg')
if (msg or '') ~= ARGV[2] then
  return 0
end
local active = redis.call('LREM', KEYS[2], 0, ARGV[1])
if msg and active == 0 then
  return 0 -- it was put back meanwhile
end
redis.call('ZREM', KEYS[3], ARGV[1])
if not msg then -- whatever list has it, nobody can perform it
  redis.call('LREM', KEYS[4], 0, ARGV[1])
  redis.call('ZREM', KEYS[5], ARGV[1])
  redis.call('ZREM', KEYS[6], ARGV[1])
  redis.call('ZREM', KEYS[7], ARGV[1])
  redis.call('ZREM', KEYS[8], ARGV[1])
elseif ARGV[4] ~= '' then
  redis.call('HSET', KEYS[9], ARGV[1], ARGV[4] .. ' ' .. msg)
end
redis.call('DEL', KEYS[1])
return 1
