-- KEYS: record. ARGV: id, channel, fence, state (succeeded | failed | uncertain | waiting), keep (ms), code, message,
-- class, request_id, result, expires_at (ms), subs_id, counts (1 | 0: whether the call uses up an attempt), sent (1 | 0),
-- may have run (1 | 0), doubt (call | refusal | absent | clear | ''), suspect (1 | 0), surplus (JSON),
-- whether the index has an entry for certain (1 | 0: it has one as long as there is no outcome).
-- Returns verdict: done | again | stale | surplus | unknown, the first two with a space and when it was settled (ms);
-- unlisted: nothing was changed, for want of an entry.
local id, channel, fence, state, subs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[12]
local r = redis.call('HMGET', KEYS[1], 'state', 'fence', 'answered', 'subs_id', 'surplus:' .. subs, 'history')
if not r[1] then
  return 'unknown'
end
local noted_at
local function remember()
  local mine = r[2] == fence
  local more = redis.call('HMGET', KEYS[1], 'noted_at', 'attempts')
  noted_at = more[1]
  if mine and r[1] == 'calling' then
    note(r[6], 'call', more[2] or 0, ARGV[13], now - (tonumber(noted_at) or now), ARGV[6], ARGV[8], ARGV[9])
  else
    note(r[6], mine and r[1] == 'looking' and 'look' or 'late', 0, 0, 0, ARGV[6], ARGV[8], ARGV[9])
  end
end
local function again() -- without a time where the record has another outcome since, or none: this one is not to be told for it
  local told = redis.call('HMGET', KEYS[1], 'finished_at', 'code')
  return 'again ' .. (r[1] == state and told[2] == ARGV[6] and told[1] or '')
end
local outcome = {code = ARGV[6], message = ARGV[7], class = ARGV[8], request_id = ARGV[9], result = ARGV[10], expires_at = ARGV[11], subs_id = subs,
  after_failure = r[6]} -- one that succeeds at once has no history
if state == 'succeeded' then
  if r[1] == 'succeeded' and (subs == '' or r[4] == subs) then
    return again()
  end
  if r[1] == 'failed' and subs == '' then
    return 'stale'
  end
  if r[5] then
    return 'surplus' -- it is being undone, though the task may have been opened again since
  end
  local told = r[1] == 'succeeded' or r[1] == 'failed'
  if ARGV[19] == '0' and (told or r[1] == 'uncertain') then
    return 'unlisted'
  end
  if told then
    redis.call('HSET', KEYS[1], 'surplus:' .. subs, ARGV[18])
    return 'surplus'
  end
  if r[6] then
    remember()
  end
  if ARGV[14] == '0' and r[1] == 'calling' and r[2] == fence then -- there was nothing left to do
    redis.call('HINCRBY', KEYS[1], 'attempts', -1)
    redis.call('HINCRBY', KEYS[1], 'calls', -1)
  end
  settle(state, id, channel, ARGV[5], outcome)
  return 'done ' .. int(now)
end
if r[1] == 'succeeded' then
  return 'stale'
end
if r[3] == fence then
  return again() -- its reply was lost
end
local looking = r[1] == 'looking'
if not (looking or r[1] == 'calling') or r[2] ~= fence then
  return 'stale'
end
redis.call('HSET', KEYS[1], 'answered', fence)
remember()
if not looking and ARGV[13] == '0' then
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
  redis.call('HINCRBY', KEYS[1], 'uncounted', 1)
end
if not looking and ARGV[14] == '0' then
  redis.call('HINCRBY', KEYS[1], 'calls', -1)
end
if ARGV[15] == '1' then
  redis.call('HSET', KEYS[1], 'may_have_run', 1)
end
if ARGV[17] == '1' then
  redis.call('HSET', KEYS[1], 'suspect', 1)
end
if state ~= 'waiting' then
  settle(state, id, channel, ARGV[5], outcome)
  return 'done ' .. int(now)
end
local doubt = ARGV[16]
if doubt == 'call' then
  redis.call('HSET', KEYS[1], 'doubt_at', noted_at, 'looks', 0)
elseif doubt == 'refusal' then -- answered, so nothing is in flight: to be looked into at once
  redis.call('HSET', KEYS[1], 'doubt_at', 1, 'looks', 0, 'refusal', ARGV[6])
elseif doubt == 'absent' then -- two deliveries at once are no two looks: the next one has to wait
  redis.call('HINCRBY', KEYS[1], 'looks', 1)
  redis.call('HSET', KEYS[1], 'doubt_at', now)
elseif doubt == 'clear' then
  redis.call('HDEL', KEYS[1], 'doubt_at', 'looks', 'refusal')
end
redis.call('HSET', KEYS[1], 'state', 'waiting', 'code', ARGV[6], 'message', ARGV[7], 'class', ARGV[8], 'request_id', ARGV[9])
redis.call('HDEL', KEYS[1], 'claim_until', 'crashes', 'look_crashes')
return 'done'
