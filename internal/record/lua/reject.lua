-- KEYS: record. ARGV: id, channel, keep (ms), action, code, message.
-- What was delivered cannot be read. A record that is settled, or being called, has no use for that news; nor has one of which a
-- call may have taken effect: it gets another delivery. Returns when it was settled (ms), 0 where it was not.
local r = redis.call('HMGET', KEYS[1], 'state', 'may_have_run', 'doubt_at')
local state = r[1]
if state and state ~= 'queued' and state ~= 'waiting' or r[2] == '1' or r[3] then
  return 0
end
if not state then
  redis.call('HSET', KEYS[1], 'action', ARGV[4], 'delivery', 1, 'enqueued_at', now, 'fence', 0, 'attempts', 0, 'calls', 0)
end
settle('failed', ARGV[1], ARGV[2], ARGV[3], ours(ARGV[5], 'Rejected', ARGV[6]))
return now
