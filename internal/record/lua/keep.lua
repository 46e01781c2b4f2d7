local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- keep remembers an order for so long (ms), or for as long as somebody else needs it.
local function keep(known, ms)
  local rest = redis.call('PTTL', KEYS[1])
  if not known or rest >= 0 and rest < tonumber(ms) then
    redis.call('PEXPIRE', KEYS[1], ms)
  end
end

