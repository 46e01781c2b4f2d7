-- KEYS: record. ARGV: the delivery that is over.
-- Returns the delivery to make in its place, 0 where the task needs none.
local r = redis.call('HMGET', KEYS[1], 'state', 'delivery')
if r[1] ~= 'queued' and r[1] ~= 'waiting' then
  return 0
end
if r[2] == ARGV[1] then
  return redis.call('HINCRBY', KEYS[1], 'delivery', 1)
end
return tonumber(r[2]) -- somebody else was here, or a reply was lost
