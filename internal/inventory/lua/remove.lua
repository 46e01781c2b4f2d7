-- ARGV[4..]: mode (look | free | all), numbers. Returns how many have left, leave once nobody needs them, are in use and stay, are unknown.
local mode, gone, leaving, in_use, unknown = ARGV[4], 0, 0, 0, 0
for i = 5, #ARGV do
  local n = number(name_of(ARGV[i]))
  if not n then
    unknown = unknown + 1
  elseif n.held > 0 and mode ~= 'all' then
    in_use = in_use + 1
  else
    if n.held > 0 or n.rest > now then
      leaving = leaving + 1
    else
      gone = gone + 1
    end
    if mode ~= 'look' then
      take_off(n)
      n.aside = '~'
      put_back(n)
    end
  end
end
return {gone, leaving, in_use, unknown}
