-- ARGV[4..]: task, X. Nobody knows any more what came of the task's bind: its number stays with it as long as a binding could stand.
-- Returns kept | freed | unknown.
local l = lease_of(ARGV[4])
if not l or l.x ~= name_of(ARGV[5]) or l.state ~= 'open' then
  return 'unknown'
end
if l.till == '0' then
  finish(l, true, now) -- nothing tells how long
  return 'freed'
end
keep(l, number(l.x))
return 'kept'
