-- Puts a recording where its call's record says that it belongs. Where somebody wanted it anew since it was taken, its place among
-- those that are due stays.
-- KEYS[1] those that are due, KEYS[2] those that are tried, KEYS[3] those that are not kept
-- ARGV: the call's id, kept, lost, none or again, the score that it was taken with, when it is due again (ms)
local id, place = ARGV[1], ARGV[2]
local score = redis.call('ZSCORE', KEYS[1], id)
local mine = score and tonumber(score) == tonumber(ARGV[3])
local anew = false -- somebody had a lost one tried again, and it is due: a taker that found it busy puts it off instead
if place == 'lost' and score and not mine then
  local t = redis.call('TIME')
  anew = tonumber(score) <= t[1] * 1000 + math.floor(t[2] / 1000)
end
if place == 'kept' or (place == 'lost' and not anew) or (place == 'none' and mine) then
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  if place ~= 'lost' then redis.call('ZREM', KEYS[3], id) end
elseif place == 'again' and mine then
  redis.call('ZADD', KEYS[1], ARGV[4], id)
end
return 1
