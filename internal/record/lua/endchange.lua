-- KEYS: the order of the changes to one thing. ARGV: run.
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'run', 'until')
end
return 1
