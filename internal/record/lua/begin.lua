-- KEYS: record. ARGV: id, channel, run, lease (ms), repeatable (1 | 0), most attempts, most crashes, keep (ms), look after (ms),
-- what the record's action must be ('' for anything), now by the clock of who asks (ms), its account,
-- whether its calls change something (1 | 0).
-- Claims and waits are of this clock. Deadlines are of the world's, which whoever signs calls has to keep to.
-- Returns verdict; with settled: state, code, class, when (ms), traceparent, tracestate; with go and look: fence, attempts, calls, uncounted, deadline, may have run (1 | 0), suspect (1 | 0),
-- first call at, looks, refusal, request, undoes, first call at by the earlier of the two clocks, traceparent, tracestate.
local r = redis.call('HMGET', KEYS[1], 'state', 'deadline', 'attempts', 'calls', 'fence', 'request', 'undoes', 'noted_at', 'action',
  'account', 'traceparent', 'tracestate')
local id, channel, run, keep, repeatable = ARGV[1], ARGV[2], ARGV[3], ARGV[8], ARGV[5] == '1'
local lease, look_after, theirs = tonumber(ARGV[4]), tonumber(ARGV[9]), tonumber(ARGV[11])
local state, deadline, attempts, calls, fence, noted_at = r[1], tonumber(r[2] or 0), tonumber(r[3] or 0), tonumber(r[4] or 0), r[5], r[8]
if not state then
  return {'unknown'}
end
if state == 'succeeded' or state == 'failed' or state == 'uncertain' then
  return {'finished', state}
end
if ARGV[10] ~= '' and (r[9] ~= ARGV[10] or (r[10] or '') ~= ARGV[12]) then
  return {'foreign'}
end
local function give_up(as, code, class, message)
  settle(as, id, channel, keep, ours(code, class, message))
  redis.call('HSET', KEYS[1], 'run', run)
  return {'settled', as, code, class, now, r[11] or '', r[12] or ''}
end
local e = {} -- what earlier runs have left; nothing, where none has called
if state ~= 'queued' or noted_at then -- '' where the task was opened again
  e = redis.call('HMGET', KEYS[1], 'run', 'claim_until', 'code', 'doubt_at', 'may_have_run', 'history', 'uncounted', 'suspect',
    'first_call_at', 'looks', 'refusal', 'behind')
end
if noted_at == '' then
  noted_at = false
end
local doubt_at, may_have_run, looks, refusal = e[4] and tonumber(e[4]), tonumber(e[5] or 0), tonumber(e[10] or 0), e[11] or ''
local out = state == 'calling' or state == 'looking'
if not out and e[1] == run then
  return {'finished', state} -- an echo of a run that has ended: a try that was given up and came through late
end
local fresh = true
if out then
  local rest = tonumber(e[2]) - now
  if e[1] == run then
    fresh = false -- the reply was lost, and nothing was sent: the same run is told again
  elseif rest > lease then -- the clock was put back since
    redis.call('HSET', KEYS[1], 'claim_until', int(now + lease))
    return {'busy', lease}
  elseif rest > 0 then
    return {'busy', rest}
  else
    -- the run before ended without saying what came of its call
    local crashes
    local most = tonumber(ARGV[7])
    note(e[6], state == 'calling' and 'cut' or 'cutlook', state == 'calling' and attempts or 0, 1, 0, '', '', '')
    if state == 'calling' then
      crashes = redis.call('HINCRBY', KEYS[1], 'crashes', 1)
      if ARGV[13] == '1' then
        may_have_run = 1
        redis.call('HSET', KEYS[1], 'may_have_run', may_have_run)
      end
    else -- a look does no harm, and takes longer: more of them may be cut
      crashes = redis.call('HINCRBY', KEYS[1], 'look_crashes', 1)
      most = most * 4
    end
    if not repeatable and crashes >= most then
      return give_up('uncertain', 'dyplsq.NoAnswer', 'Uncertain', 'workers ended while performing it')
    end
    if repeatable and (crashes >= most or state == 'calling' and attempts >= tonumber(ARGV[6])) then
      return give_up('failed', 'dyplsq.NoAnswer', 'Unavailable', 'workers ended while performing it')
    end
    if not repeatable and state == 'calling' then
      doubt_at, looks = tonumber(noted_at), 0
      redis.call('HSET', KEYS[1], 'doubt_at', doubt_at, 'looks', looks)
    end
  end
end
if doubt_at and fresh and doubt_at > now then -- the clock was put back since
  doubt_at = now
  redis.call('HSET', KEYS[1], 'doubt_at', int(doubt_at))
end
if doubt_at and fresh and doubt_at + look_after > now then
  if out then
    redis.call('HSET', KEYS[1], 'state', 'waiting')
    redis.call('HDEL', KEYS[1], 'run', 'claim_until')
  end
  return {'busy', doubt_at + look_after - now}
end
local over = not doubt_at and deadline > 0 and theirs >= deadline
if over and not fresh then -- granted in time, and asked again too late: nothing was sent
  attempts, calls = attempts - 1, calls - 1
  redis.call('HSET', KEYS[1], 'attempts', attempts, 'calls', calls)
end
if over and not repeatable and may_have_run == 1 then -- told to have failed only when no earlier call took effect
  doubt_at, looks, refusal = 1, 0, 'dyplsq.Expired'
  redis.call('HSET', KEYS[1], 'doubt_at', doubt_at, 'looks', looks, 'refusal', refusal)
elseif over then
  local message = 'its time was over before a call could start'
  if e[3] and e[3] ~= '' then
    message = message .. '; the last attempt ended as ' .. e[3]
  end
  return give_up('failed', 'dyplsq.Expired', 'Rejected', message)
end
local first_call_at = e[9] or noted_at -- the first call is noted in its own field from the second on
if noted_at and not e[9] then
  redis.call('HSET', KEYS[1], 'first_call_at', noted_at)
end
local claim, behind = int(now + lease), tonumber(e[12] or 0)
if doubt_at then
  if fresh then
    fence = int(fence + 1)
  end
  redis.call('HSET', KEYS[1], 'state', 'looking', 'run', run, 'claim_until', claim, 'fence', fence)
else
  if fresh then
    fence, attempts, calls = int(fence + 1), attempts + 1, calls + 1
  end
  if not first_call_at then
    first_call_at = now
    if now - theirs > 1000 then
      behind = now - theirs
      redis.call('HSET', KEYS[1], 'behind', int(behind))
    end
  end
  redis.call('HSET', KEYS[1], 'state', 'calling', 'run', run, 'claim_until', claim, 'fence', fence, 'noted_at', int(now),
    'attempts', int(attempts), 'calls', int(calls))
end
return {doubt_at and 'look' or 'go', tonumber(fence), attempts, calls, tonumber(e[7] or 0), deadline, may_have_run, tonumber(e[8] or 0),
  tonumber(first_call_at), looks, refusal, r[6] or '', r[7] or '',
  tonumber(first_call_at) - behind, r[11] or '', r[12] or ''}
