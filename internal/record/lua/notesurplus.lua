-- KEYS: record. ARGV: the SubsId that it holds, the field of a surplus binding, what undoes that.
-- Notes a surplus binding of a task that has succeeded with another one. Returns 1; 0 where the task holds no such binding.
local r = redis.call('HMGET', KEYS[1], 'state', 'subs_id')
if r[1] ~= 'succeeded' or r[2] ~= ARGV[1] or ARGV[2] == 'surplus:' .. r[2] then
  return 0
end
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
return 1
