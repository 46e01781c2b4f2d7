-- KEYS: record, a shard of the index, and what hand_over has. ARGV: what create has, then id, when the reaper is to look first
-- (ms from now), and what hand_over has.
-- Records, notes in the index and hands over what is new. What is recorded already is noted as long as it has no outcome.
-- Returns what create returns; with new: whether it was handed over (1 | 0).
local found = create()
local state = found[3]
if found[1] == 'conflict' or state == 'succeeded' or state == 'failed' or state == 'uncertain' then
  return found
end
redis.call('ZADD', KEYS[2], 'NX', int(clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[13]), ARGV[12])
if found[1] == 'new' then
  found[2] = hand_over()
end
return found
