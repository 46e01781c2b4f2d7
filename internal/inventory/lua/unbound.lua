-- ARGV[4..]: X, SubsId. Returns freed | unknown.
local task = redis.call('HGET', KEYS[8], name_of(ARGV[4]) .. '|' .. ARGV[5])
if not task then
  return 'unknown'
end
finish(lease_of(task), true, now)
return 'freed'
