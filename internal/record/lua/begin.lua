-- KEYS: record. ARGV: id, channel, run, lease (ms), repeatable (1 | 0), most attempts, most crashes, keep (ms), look after (ms).
-- Returns verdict; with settled: state, code, class; with go and look: fence, attempts, calls, uncounted, deadline, may have run (1 | 0), suspect (1 | 0),
-- first call at, looks, refusal, request, undoes.
local r = redis.call('HMGET', KEYS[1], 'state', 'run', 'claim_until', 'deadline', 'attempts', 'code', 'doubt_at', 'noted_at',
  'may_have_run', 'history')
local id, channel, run, keep, repeatable = ARGV[1], ARGV[2], ARGV[3], ARGV[8], ARGV[5] == '1'
local state, doubt_at = r[1], tonumber(r[7])
if not state then
  return {'unknown'}
end
if state == 'succeeded' or state == 'failed' or state == 'uncertain' then
  return {'finished', state}
end
local out = state == 'calling' or state == 'looking'
if not out and r[2] == run then
  return {'finished', state} -- an echo of a run that has ended: a try that was given up and came through late
end
local fresh = true
if out then
  local rest = tonumber(r[3]) - now
  if r[2] == run then
    fresh = false -- the reply was lost, and nothing was sent: the same run is told again
  elseif rest > 0 then
    return {'busy', rest}
  else
    -- the run before ended without saying what came of its call
    local crashes
    local most = tonumber(ARGV[7])
    note(r[10], state == 'calling' and 'cut' or 'cutlook', state == 'calling' and r[5] or 0, 1, 0, '', '', '')
    if state == 'calling' then
      crashes = redis.call('HINCRBY', KEYS[1], 'crashes', 1)
      redis.call('HSET', KEYS[1], 'may_have_run', 1)
    else -- a look does no harm, and takes longer: more of them may be cut
      crashes = redis.call('HINCRBY', KEYS[1], 'look_crashes', 1)
      most = most * 4
    end
    if not repeatable and crashes >= most then
      settle('uncertain', id, channel, keep, ours('dyplsq.NoAnswer', 'Uncertain', 'workers ended while performing it'))
      return {'settled', 'uncertain', 'dyplsq.NoAnswer', 'Uncertain'}
    end
    if repeatable and (crashes >= most or state == 'calling' and tonumber(r[5]) >= tonumber(ARGV[6])) then
      settle('failed', id, channel, keep, ours('dyplsq.NoAnswer', 'Unavailable', 'workers ended while performing it'))
      return {'settled', 'failed', 'dyplsq.NoAnswer', 'Unavailable'}
    end
    if not repeatable and state == 'calling' then
      doubt_at = tonumber(r[8] or r[3])
      redis.call('HSET', KEYS[1], 'doubt_at', doubt_at, 'looks', 0)
    end
  end
end
if doubt_at and fresh and doubt_at + ARGV[9] > now then
  if out then
    redis.call('HSET', KEYS[1], 'state', 'waiting')
    redis.call('HDEL', KEYS[1], 'run', 'claim_until')
  end
  return {'busy', doubt_at + ARGV[9] - now}
end
local deadline = tonumber(r[4])
local over = not doubt_at and deadline > 0 and now >= deadline
if over and not fresh then -- granted in time, and asked again too late: nothing was sent
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
  redis.call('HINCRBY', KEYS[1], 'calls', -1)
end
if over and not repeatable and r[9] == '1' then -- told to have failed only when no earlier call took effect
  doubt_at = 1
  redis.call('HSET', KEYS[1], 'doubt_at', doubt_at, 'looks', 0, 'refusal', 'dyplsq.Expired')
elseif over then
  local message = 'its time was over before a call could start'
  if r[6] and r[6] ~= '' then
    message = message .. '; the last attempt ended as ' .. r[6]
  end
  settle('failed', id, channel, keep, ours('dyplsq.Expired', 'Rejected', message))
  return {'settled', 'failed', 'dyplsq.Expired', 'Rejected'}
end
redis.call('HSET', KEYS[1], 'state', doubt_at and 'looking' or 'calling', 'run', run, 'claim_until', now + ARGV[4])
if fresh then
  redis.call('HINCRBY', KEYS[1], 'fence', 1)
end
if not doubt_at then
  redis.call('HSET', KEYS[1], 'noted_at', now)
  if fresh then
    redis.call('HSETNX', KEYS[1], 'first_call_at', now)
    redis.call('HINCRBY', KEYS[1], 'attempts', 1)
    redis.call('HINCRBY', KEYS[1], 'calls', 1)
  end
end
local c = redis.call('HMGET', KEYS[1], 'fence', 'attempts', 'calls', 'uncounted', 'may_have_run', 'suspect', 'first_call_at',
  'looks', 'refusal', 'request', 'enqueued_at', 'undoes')
return {doubt_at and 'look' or 'go', tonumber(c[1]), tonumber(c[2]), tonumber(c[3]), tonumber(c[4] or 0), deadline,
  tonumber(c[5] or 0), tonumber(c[6] or 0), tonumber(c[7] or c[11] or 0), tonumber(c[8] or 0), c[9] or '', c[10] or '', c[12] or ''}
