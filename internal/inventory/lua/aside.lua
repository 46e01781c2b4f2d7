-- ARGV[3..]: reason ('' to admit again), numbers. Returns how many of them the inventory has.
local reason, known = ARGV[3], 0
for i = 4, #ARGV do
  local n = number(ARGV[i])
  if n and n.aside ~= '~' then
    known = known + 1
    take_off(n)
    n.aside = dash(reason)
    put_back(n)
  end
end
return known
