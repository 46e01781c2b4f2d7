-- KEYS: a shard of the index. ARGV: the time of the look (ms), then an id and when to look at it again (ms, or '' to drop it), each.
-- Leaves alone what somebody has moved since the look.
for i = 2, #ARGV, 2 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if due and tonumber(due) <= tonumber(ARGV[1]) then
    if ARGV[i + 1] == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
    end
  end
end
return 0
