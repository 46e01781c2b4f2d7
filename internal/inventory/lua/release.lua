-- ARGV[4..]: task, X ('' for whichever it holds), rests (1 | 0), why to set X aside ('' not to).
-- Returns freed | unknown | bound.
local l = lease_of(ARGV[4])
if not l or (ARGV[5] ~= '' and l.x ~= name_of(ARGV[5])) then
  return 'unknown' -- a reply was lost; or this comes late, and the task holds another by now
end
if l.state == 'bound' then
  return 'bound'
end
finish(l, ARGV[6] == '1', now)
local n = number(l.x)
if n and ARGV[7] ~= '' and n.aside == '-' then
  take_off(n)
  n.aside = ARGV[7]
  put_back(n)
end
return 'freed'
