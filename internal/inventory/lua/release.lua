-- ARGV[3..]: task, X ('' for whichever it holds), rests (1 | 0), why to set X aside ('' not to).
-- Returns freed | unknown | bound.
local l = lease_of(ARGV[3])
if not l or (ARGV[4] ~= '' and l.x ~= ARGV[4]) then
  return 'unknown' -- a reply was lost; or this comes late, and the task holds another by now
end
if l.state == 'bound' then
  return 'bound'
end
finish(l, ARGV[5] == '1', now)
local n = number(l.x)
if n and ARGV[6] ~= '' and n.aside == '-' then
  take_off(n)
  n.aside = ARGV[6]
  put_back(n)
end
return 'freed'
