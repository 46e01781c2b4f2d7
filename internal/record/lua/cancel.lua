-- KEYS: record. ARGV: id, channel, keep (ms).
-- Withdraws a task none of whose calls can have taken effect. Returns the state in which it was found; "canceled" where it was withdrawn, and when (ms)
-- behind a space.
local r = redis.call('HMGET', KEYS[1], 'state', 'may_have_run', 'doubt_at', 'code', 'finished_at')
if not r[1] then
  return ''
end
if r[1] == 'failed' and r[4] == 'dyplsq.Canceled' then
  return 'canceled ' .. (r[5] or '') -- its reply was lost, or it was asked twice
end
if r[1] ~= 'queued' and r[1] ~= 'waiting' then
  return r[1]
end
if r[2] == '1' or r[3] then
  return 'doubtful'
end
settle('failed', ARGV[1], ARGV[2], ARGV[3], ours('dyplsq.Canceled', 'Rejected', 'withdrawn before a call left'))
return 'canceled ' .. int(now)
