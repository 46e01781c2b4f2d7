-- KEYS: the log, a stream. ARGV: how long lines are kept (ms), fields and values of one.
-- Returns the line's id. Lines that are older are dropped.
local clock = redis.call('TIME')
local oldest = clock[1] * 1000 + math.floor(clock[2] / 1000) - ARGV[1]
local id = redis.call('XADD', KEYS[1], 'MINID', '=', string.format('%.0f', math.max(oldest, 0)), '*', unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return id
