-- KEYS: a shard of the index. ARGV: a score, by how much less the scores above it are to be (ms), how many at most.
-- Returns above which score to go on, '' where that was all. What is moved down is not met again.
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
if #first == 0 then
  return ''
end
local from, last = first[2], first[#first]
local all = redis.call('ZRANGEBYSCORE', KEYS[1], from, last, 'WITHSCORES') -- and whoever else has the last one's score
for i = 1, #all, 2 do
  redis.call('ZADD', KEYS[1], 'XX', string.format('%.1f', all[i + 1] - ARGV[2]), all[i])
end
return last
