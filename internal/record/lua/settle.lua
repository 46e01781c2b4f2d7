local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- settle writes an outcome and wakes whoever waits for it. An uncertain one stays until somebody settles it,
-- and keeps its request; so does a failed one, which a person may run again; a success needs it no longer.
local function settle(state, id, channel, keep, o)
  redis.call('HSET', KEYS[1], 'state', state, 'finished_at', now, 'code', o.code, 'message', o.message,
    'class', o.class, 'request_id', o.request_id, 'result', o.result, 'expires_at', o.expires_at)
  redis.call('HDEL', KEYS[1], 'run', 'claim_until')
  if state == 'succeeded' then
    redis.call('HDEL', KEYS[1], 'request')
  end
  if state == 'uncertain' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], keep)
  end
  redis.call('PUBLISH', channel, state .. ' ' .. id)
end

local function ours(code, class, message)
  return {code = code, class = class, message = message, request_id = '', result = '', expires_at = 0}
end
