-- Notes what came of fetching a recording. Whoever has it in the store is believed, whatever came in between.
-- KEYS[1] the call
-- ARGV: the fence, kept, lost, none or again, how long to keep the call (ms), why it is not kept, then
--   kept: location, bytes, SHA-256, parts
--   again: the pause (ms), 1 where this try counts, the number of the next link, 1 where it is late
-- Returns whether it was noted, the revision, the revision that was told, when it is tried again
local old = redis.call('HMGET', KEYS[1], 'revision', 'told', 'recording:fence', 'recording:state', 'recording:tries', 'recording:late',
  'recording_announced', 'recording:seen')
local revision, told = tonumber(old[1] or '0'), tonumber(old[2] or '0')
if revision == 0 then return {0, 0, 0, 0} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local result, next_at, tell = ARGV[2], 0, false
if result == 'kept' then
  if old[4] == 'kept' then return {1, revision, told, 0} end
  redis.call('HSET', KEYS[1], 'recording:state', 'kept', 'recording:location', ARGV[5], 'recording:bytes', ARGV[6], 'recording:sha256', ARGV[7],
    'recording:parts', ARGV[8], 'recording:kept_at', now)
  redis.call('HDEL', KEYS[1], 'recording:reason', 'recording:late')
  tell = true
elseif old[3] ~= ARGV[1] or old[4] ~= 'fetching' then
  return {0, revision, told, 0}
elseif result == 'lost' then
  redis.call('HSET', KEYS[1], 'recording:state', 'lost', 'recording:reason', ARGV[4])
  tell = true
elseif result == 'none' and not old[7] then
  redis.call('HSET', KEYS[1], 'recording_expected', '5:no')
  redis.call('HDEL', KEYS[1], 'recording:state', 'recording:reason', 'recording:late')
  tell = true
elseif result == 'none' then -- it was announced meanwhile
  next_at = now
  redis.call('HSET', KEYS[1], 'recording:next_at', next_at)
  redis.call('HDEL', KEYS[1], 'recording:state')
else
  next_at = now + tonumber(ARGV[5])
  if old[7] and old[8] ~= '1' then next_at = now end -- it was announced meanwhile
  redis.call('HSET', KEYS[1], 'recording:next_at', next_at, 'recording:tries', tonumber(old[5] or '0') + tonumber(ARGV[6]),
    'recording:link', ARGV[7], 'recording:reason', ARGV[4])
  if ARGV[8] == '1' then
    tell = not old[6]
    redis.call('HSET', KEYS[1], 'recording:state', 'late', 'recording:late', '1')
  else
    redis.call('HDEL', KEYS[1], 'recording:state')
  end
end
redis.call('HDEL', KEYS[1], 'recording:claim_until')
if tell then
  revision = revision + 1
  redis.call('HSET', KEYS[1], 'revision', revision)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {1, revision, told, next_at}
