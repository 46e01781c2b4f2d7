-- KEYS: record. ARGV: the field of a surplus binding, the field that says that its removal is queued.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], ARGV[2], 1)
end
return 0
