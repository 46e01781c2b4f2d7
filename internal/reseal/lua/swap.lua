-- Puts a copy in the place of a stream, unless the stream has an entry that the copy has not. What the stream has dropped meanwhile
-- is dropped from the copy.
-- KEYS: the stream, its copy; ARGV[1] the copy's last entry
-- Returns 1 where it was done, 0 where the stream has more by now, -1 where the copy lacks entries: somebody else has begun it anew, or
-- it was forgotten meanwhile.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= ARGV[1] then return 0 end
redis.call('XTRIM', KEYS[2], 'MINID', redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1])
if redis.call('XLEN', KEYS[2]) < redis.call('XLEN', KEYS[1]) then return -1 end
local left = redis.call('PTTL', KEYS[1])
redis.call('RENAME', KEYS[2], KEYS[1])
if left >= 0 then redis.call('PEXPIRE', KEYS[1], left) else redis.call('PERSIST', KEYS[1]) end
return 1
