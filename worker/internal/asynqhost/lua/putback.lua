-- KEYS: a queue's active, lease, pending in asynq, and the task's hash. ARGV: the task's id.
-- Puts a task that was fetched and not performed back at the head of its queue, as asynq's own requeue does. Returns 1, or 0
-- where somebody else has it by now, or it was deleted.
if redis.call('LREM', KEYS[1], 0, ARGV[1]) == 0 then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HEXISTS', KEYS[4], 'msg') == 0 then
  return 0
end
redis.call('RPUSH', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[4], 'state', 'pending')
return 1
