-- KEYS: record. ARGV: by.
-- Lets a task that failed run again, with all its attempts. Returns the state it was found in; "queued" also where that was done before.
local r = redis.call('HMGET', KEYS[1], 'state', 'history')
local state = r[1]
if state ~= 'failed' or redis.call('HSTRLEN', KEYS[1], 'request') == 0 then
  return state or ''
end
redis.call('HSET', KEYS[1], 'state', 'queued', 'noted_at', '', 'attempts', 0, 'uncounted', 0, 'reopened_by', ARGV[1], 'reopened_at', now)
note(r[2], 'reopened', 0, 0, 0, '', '', '')
redis.call('HDEL', KEYS[1], 'finished_at', 'first_call_at', 'behind', 'doubt_at', 'looks', 'refusal', 'crashes', 'look_crashes', 'may_have_run', 'suspect',
  'resolved_by', 'resolved_at')
redis.call('PERSIST', KEYS[1])
return 'queued'
