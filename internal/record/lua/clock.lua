local clock = redis.call('TIME')

-- int is a whole number in Redis' words; Redis itself writes what a script passes as it would any fraction, which takes longer.
local function int(n)
  return string.format('%d', n)
end

