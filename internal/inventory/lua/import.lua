-- ARGV[4..]: X, the number sealed ('' where no key seals), its city ('' where none is known), and so on. What is sealed anew replaces what
-- was, which may not open any more. A pool that has numbers in clear keeps to that until it is sealed. Returns how many are new, and how many changed their city.
local added, changed = 0, 0
local in_clear = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[16], KEYS[17]) == 0
if redis.call('EXISTS', KEYS[1]) == 0 then -- from now on the pool has an inventory, again
  redis.call('SET', KEYS[13], now)
end
for i = 4, #ARGV, 3 do
  local x, sealed, city = name_of(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local n = number(x)
  if not n and sealed ~= '' and not in_clear then
    x = string.match(ARGV[i], '([^|]+)$')
  end
  if is_handle(x) and sealed ~= '' then
    redis.call('HSET', KEYS[16], x, sealed)
  end
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
