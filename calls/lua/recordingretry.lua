-- Has a recording that is not kept fetched at once, by a new link.
-- KEYS[1] the call
-- Returns none where there is no such call, kept, busy where somebody fetches it now, or go
local old = redis.call('HMGET', KEYS[1], 'revision', 'recording:state', 'recording:claim_until', 'recording:link')
if not old[1] then return 'none' end
if old[2] == 'kept' then return 'kept' end
local t = redis.call('TIME')
if tonumber(old[3] or '0') > t[1] * 1000 + math.floor(t[2] / 1000) then return 'busy' end
redis.call('HSET', KEYS[1], 'recording:link', tonumber(old[4] or '1') + 1, 'recording:tries', 0)
redis.call('HDEL', KEYS[1], 'recording:state', 'recording:next_at', 'recording:claim_until', 'recording:reason', 'recording:late')
return 'go'
