-- KEYS: record. ARGV: id, channel, run, lease (ms), repeatable (1 | 0), most attempts, most crashes, keep (ms).
-- Returns verdict, and with go: fence, attempt, call, uncounted, deadline, request.
local r = redis.call('HMGET', KEYS[1], 'state', 'run', 'claim_until', 'deadline', 'attempts', 'code')
local id, channel, run, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[8]
local state = r[1]
if not state then
  return {'unknown'}
end
if state == 'succeeded' or state == 'failed' or state == 'uncertain' then
  return {'finished', state}
end
if state ~= 'calling' and r[2] == run then
  return {'finished', state} -- an echo of a run that has ended: a try that was given up and came through late
end
local fresh = true
if state == 'calling' then
  local rest = tonumber(r[3]) - now
  if r[2] == run then
    fresh = false -- the reply was lost, and nothing was sent: the same run is told again
  elseif rest > 0 then
    return {'busy', rest}
  else
    -- the run before ended without saying what came of its call
    local crashes = redis.call('HINCRBY', KEYS[1], 'crashes', 1)
    if ARGV[5] == '0' then
      settle('uncertain', id, channel, keep, ours('dyplsq.NoAnswer', 'Uncertain', 'the worker ended while the call was out'))
      return {'settled', 'uncertain'}
    end
    if crashes >= tonumber(ARGV[7]) or tonumber(r[5]) >= tonumber(ARGV[6]) then
      settle('failed', id, channel, keep, ours('dyplsq.NoAnswer', 'Unavailable', 'workers ended while performing it'))
      return {'settled', 'failed'}
    end
  end
end
local deadline = tonumber(r[4])
if deadline > 0 and now >= deadline then
  if not fresh then -- granted in time, and asked again too late: nothing was sent
    redis.call('HINCRBY', KEYS[1], 'attempts', -1)
    redis.call('HINCRBY', KEYS[1], 'calls', -1)
  end
  local message = 'its time was over before a call could start'
  if r[6] and r[6] ~= '' then
    message = message .. '; the last attempt ended as ' .. r[6]
  end
  settle('failed', id, channel, keep, ours('dyplsq.Expired', 'Rejected', message))
  return {'settled', 'failed'}
end
redis.call('HSET', KEYS[1], 'state', 'calling', 'run', run, 'claim_until', now + ARGV[4], 'noted_at', now)
if fresh then
  redis.call('HSETNX', KEYS[1], 'first_call_at', now)
  redis.call('HINCRBY', KEYS[1], 'fence', 1)
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  redis.call('HINCRBY', KEYS[1], 'calls', 1)
end
local c = redis.call('HMGET', KEYS[1], 'fence', 'attempts', 'calls', 'uncounted', 'request')
return {'go', tonumber(c[1]), tonumber(c[2]), tonumber(c[3]), tonumber(c[4] or 0), deadline, c[5] or ''}
