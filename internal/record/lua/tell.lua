-- KEYS: stream. ARGV: the names of two fields, then id and state of each outcome.
-- Appends outcomes in one write, so that replicas are waited for once.
for i = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[i], ARGV[2], ARGV[i + 1])
end
