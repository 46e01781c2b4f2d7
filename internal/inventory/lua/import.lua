-- ARGV[3..]: X and its city ('' where none is known), and so on. Returns how many are new, and how many changed their city.
local added, changed = 0, 0
if redis.call('EXISTS', KEYS[1]) == 0 then -- from now on the pool has an inventory, again
  redis.call('SET', KEYS[13], now)
end
for i = 3, #ARGV, 2 do
  local x, city = ARGV[i], ARGV[i + 1]
  local n = number(x)
  if not n then
    put_back({x = x, kind = '-', held = 0, bound = 0, rest = 0, aside = '-', city = city})
    added = added + 1
  else
    local back = n.aside == '~'
    local moved = city ~= '' and city ~= n.city
    if back or moved then
      take_off(n)
      if back then
        n.aside = '-'
        added = added + 1
      elseif moved then
        changed = changed + 1
      end
      if moved then
        n.city = city
      end
      put_back(n)
    end
  end
end
return {added, changed}
