-- Writes what a merge has found, unless another one was faster.
-- KEYS[1] the call; ARGV: how long to keep it (ms), the revision that the merge has seen or '', then field and value of each
-- Returns whether it was written, the revision, the revision that was told, and the state of the recording that the record has, and
-- what is expected of one.
local old = redis.call('HMGET', KEYS[1], 'revision', 'told', 'recording:state')
if (old[1] or '') ~= ARGV[2] then return {0, 0, 0, '', ''} end
local revision = tonumber(old[1] or '0') + 1
redis.call('HSET', KEYS[1], 'revision', revision, unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {1, revision, tonumber(old[2] or '0'), old[3] or '', redis.call('HGET', KEYS[1], 'recording_expected') or ''}
