local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- int is a whole number in Redis' words; Redis itself writes what a script passes as it would any fraction, which takes longer.
local function int(n)
  return string.format('%d', n)
end

-- settle writes an outcome and wakes whoever waits for it, unless somebody else does. An uncertain one stays until somebody settles it,
-- and keeps its request and the name of its run, whose echo may still be under way; so does a failed one, which a person may run again;
-- a success needs them no longer.
-- What is over is written empty instead of taken out: one write less.
local function settle(state, id, channel, keep, o)
  if state == 'succeeded' then
    redis.call('HSET', KEYS[1], 'state', state, 'finished_at', int(now), 'code', o.code, 'message', o.message, 'request_id', o.request_id,
      'result', o.result, 'subs_id', o.subs_id, 'request', '', 'run', '')
    if o.after_failure then
      redis.call('HSET', KEYS[1], 'class', '')
    end
    if o.expires_at ~= '' then
      redis.call('HSET', KEYS[1], 'expires_at', o.expires_at)
    end
  else
    redis.call('HSET', KEYS[1], 'state', state, 'finished_at', int(now), 'code', o.code, 'message', o.message, 'request_id', o.request_id,
      'class', o.class)
  end
  if state == 'uncertain' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], keep)
  end
  if channel ~= '' then
    redis.call('PUBLISH', channel, state .. ' ' .. id)
  end
end

local function ours(code, class, message)
  return {code = code, class = class, message = message, request_id = ''}
end
