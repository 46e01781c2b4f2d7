-- ARGV[4]: a word that names this run, whose beginning ends every other one. ARGV[5]: how long (ms) what is noted for it is kept after
-- its last step, so that one that was interrupted leaves nothing that grows. From now on it is noted who comes onto an X that is
-- in clear. Returns how many are; where none is, sealing is over.
local in_clear = redis.call('HLEN', KEYS[1]) - redis.call('HLEN', KEYS[16])
redis.call('DEL', KEYS[17])
if in_clear > 0 then
  redis.call('HSET', KEYS[17], '-', ARGV[4])
  redis.call('PEXPIRE', KEYS[17], ARGV[5])
end
return in_clear
