-- KEYS: a lock. ARGV: the holder's token, how long it is to hold from now on (ms, 0 to give it up). Returns 1, or 0 where another holds it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
