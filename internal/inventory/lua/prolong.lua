-- ARGV[4..]: X, SubsId, until (ms), until when before (ms, '' to prolong; else to take that back).
-- Returns until when before, '' where that is no sooner or the binding is not known.
local x, subs, till, before = name_of(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local task = redis.call('HGET', KEYS[8], x .. '|' .. subs)
if not task then
  return ''
end
local l = lease_of(task)
local was = l.till
if before == '' then
  if was == '0' or tonumber(was) >= tonumber(till) then
    return ''
  end
  l.till = till
elseif was == till then
  l.till = before
else
  return '' -- another update has been told since
end
write_lease(l)
redis.call('ZADD', KEYS[6], l.till, task)
return was
