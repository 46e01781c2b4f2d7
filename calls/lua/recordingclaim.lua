-- Lets one process at a time fetch the recording of a call.
-- KEYS[1] the call; ARGV[1] the lease (ms)
-- Returns none, kept, lost, {busy, until}, {later, until}, or {go, fence, link, tries, now, 1 where something promises a recording}
local old = redis.call('HMGET', KEYS[1], 'revision', 'recording:state', 'recording:claim_until', 'recording:next_at', 'recording:fence',
  'recording:link', 'recording:tries', 'recording_announced', 'recording:seen', 'record_url', 'recording_expected')
local state, announced = old[2], old[8] and '1' or '0'
if not old[1] then return {'none'} end
if state == 'kept' or state == 'lost' then return {state} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lease = tonumber(ARGV[1])
local claimed = tonumber(old[3] or '0')
if claimed > now then
  if claimed > now + lease then -- the clock was put back
    claimed = now + lease
    redis.call('HSET', KEYS[1], 'recording:claim_until', claimed)
  end
  return {'busy', tostring(claimed)}
end
local news = announced == '1' and old[9] ~= '1'
if tonumber(old[4] or '0') > now and not news then return {'later', old[4]} end
local promised = (old[8] or old[10] or old[11] == '5:asked') and '1' or '0'
local fence = tonumber(old[5] or '0') + 1
redis.call('HSET', KEYS[1], 'recording:state', 'fetching', 'recording:claim_until', now + lease, 'recording:fence', fence, 'recording:seen', announced)
redis.call('HDEL', KEYS[1], 'recording:next_at')
return {'go', tostring(fence), old[6] or '1', old[7] or '0', tostring(now), promised}
