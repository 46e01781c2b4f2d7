-- ARGV[3..]: X, SubsId. Returns freed | unknown.
local task = redis.call('HGET', KEYS[8], ARGV[3] .. '|' .. ARGV[4])
if not task then
  return 'unknown'
end
finish(lease_of(task), true, now)
return 'freed'
