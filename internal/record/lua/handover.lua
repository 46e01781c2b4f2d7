-- KEYS: record, a shard of the index, its shard of the catalog, and what hand_over has. ARGV: what create has before the fields that only some
-- records have, then id, when the reaper is to look first (ms from now), a channel ('' for none) and a message, what hand_over has, and
-- those fields.
-- Records, notes, hands over and announces what is new. What is recorded already is noted in the index as long as it has no outcome.
-- What is to run at once has one entry for both index and catalog, which a quarter marks; what waits for its time has one in each.
-- Returns what create returns; where the record is new: whether it was handed over (1 | 0).
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if not found and tonumber(ARGV[7]) <= first_look then
  redis.call('ZADD', KEYS[2], string.format('%d.25', now + ARGV[7]), ARGV[6])
elseif not found then
  redis.call('ZADD', KEYS[3], string.format('%d', now), ARGV[6])
  redis.call('ZADD', KEYS[2], string.format('%d', now + ARGV[7]), ARGV[6])
elseif found[1] == 'same' and found[3] ~= 'succeeded' and found[3] ~= 'failed' and found[3] ~= 'uncertain' then
  redis.call('ZADD', KEYS[2], 'NX', string.format('%d', now + ARGV[7]), ARGV[6])
end
local reply = found or hand_over()
if ARGV[8] ~= '' then -- whatever was found: one of a batch announces those before it as well
  redis.call('PUBLISH', ARGV[8], ARGV[9])
end
return reply
