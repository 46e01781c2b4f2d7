-- KEYS: the order of the changes to one thing. ARGV: how many changes are to be ordered, keep (ms).
-- Returns the order of the last of them. Those before it have the numbers before.
-- It counts up, whatever the clock does. The clock is where it starts: an order that was lost, whose changes may be open still,
-- goes on after them instead of beginning again with 1.
local known = redis.call('HGET', KEYS[1], 'drawn')
local drawn = string.format('%.0f', math.max(tonumber(known or 0), clock[1] * 1000000 + clock[2]) + ARGV[1])
redis.call('HSET', KEYS[1], 'drawn', drawn)
keep(known, ARGV[2])
return tonumber(drawn)
