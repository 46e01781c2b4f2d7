-- Stores what came in, for a WAIT behind it.
-- KEYS[1] the stream of pushes; ARGV: the entry's fields and values
return redis.call('XADD', KEYS[1], '*', unpack(ARGV))
