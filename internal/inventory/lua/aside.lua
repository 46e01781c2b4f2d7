-- ARGV[4..]: reason ('' to admit again), numbers. Returns how many of them the inventory has.
local reason, known = ARGV[4], 0
for i = 5, #ARGV do
  local n = number(name_of(ARGV[i]))
  if n and n.aside ~= '~' then
    known = known + 1
    take_off(n)
    n.aside = dash(reason)
    put_back(n)
  end
end
return known
