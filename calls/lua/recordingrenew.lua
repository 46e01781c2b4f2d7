-- Lets who fetches a recording go on, and notes which of its links it uses.
-- KEYS[1] the call; ARGV: the fence, the lease (ms), the number of the link
-- Returns 0 where somebody else has it now
local old = redis.call('HMGET', KEYS[1], 'recording:fence', 'recording:state')
if old[1] ~= ARGV[1] or old[2] ~= 'fetching' then return 0 end
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'recording:claim_until', t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[2]), 'recording:link', ARGV[3])
return 1
