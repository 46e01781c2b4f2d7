-- Adds a call to an index.
-- KEYS[1] the index; ARGV: NX where the time is only a guess, else CH; the time of the call (ms), its id, how long to keep the index (ms)
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
