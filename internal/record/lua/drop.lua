-- KEYS: a sorted set of the catalog. ARGV: a member and the score that it had, each.
-- Drops members, save those that somebody has written anew since they were read.
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return 0
