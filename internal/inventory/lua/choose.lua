-- Which X. A wanted city's numbers come first: those in use that have room, then the one that has been idle longest.

-- Every text that starts with prefix .. '|' lies from there to prefix .. '}', the character after '|'.
local function room_for_extension(prefix)
  local found = redis.call('ZRANGEBYLEX', KEYS[4], '[' .. prefix .. '|', '(' .. prefix .. '}', 'LIMIT', 0, 1)
  return found[1] and string.match(found[1], '([^|]+)$')
end

-- room_for_pair looks for one that knows neither A nor B: at all of them where they are few, else at runs of 16 in several
-- places, since those that know a person may lie side by side. Asked again it looks elsewhere.
local function room_for_pair(prefix, a, b, runs)
  local count = redis.call('ZLEXCOUNT', KEYS[4], '[' .. prefix .. '|', '(' .. prefix .. '}')
  if count == 0 then
    return nil
  end
  local first = redis.call('ZLEXCOUNT', KEYS[4], '-', '(' .. prefix .. '|')
  local start = count > runs * 16 and clock[2] % count or 0
  runs = math.min(runs, count)
  local size = math.min(16, math.ceil(count / runs))
  for run = 0, runs - 1 do
    local at = (start + math.floor(run * count / runs)) % count
    local last = math.min(at + size, count) - 1
    for _, entry in ipairs(redis.call('ZRANGE', KEYS[4], first + at, first + last)) do
      local x = string.match(entry, '([^|]+)$')
      local known = redis.call('HMGET', KEYS[9], x .. '|' .. hash_on(x, a), x .. '|' .. hash_on(x, b))
      if not known[1] and not known[2] then
        return x
      end
    end
  end
  return nil
end

local function idle_in(city)
  local found = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. city .. '|', '(' .. city .. '}', 'LIMIT', 0, 1)
  if not found[1] then
    return nil
  end
  local rest, x = string.match(found[1], '|(%d+)|([^|]+)$')
  rest = tonumber(rest)
  return rest <= now and x or nil, rest
end

local function choose(kind, a, b, city, strict)
  local function shared(prefix, runs)
    if kind == 'pair' then
      return room_for_pair(prefix, a, b, runs)
    end
    return kind == 'ext' and room_for_extension(prefix)
  end
  local x
  if city ~= '' then
    x = shared(kind .. '|' .. city, 2) or idle_in(city)
    if not x and strict then
      return shared(kind .. '|' .. city, 16)
    end
  end
  return x or shared(kind, 2) or redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1] or shared(kind, 16)
end

-- next_free tells when a number may be free again, unless one is released before; 0 where that cannot be told.
local function next_free(kind, city, strict)
  local at
  local function earliest(score)
    if score and (not at or score < at) then
      at = score
    end
  end
  if city ~= '' and strict then
    local _, rest = idle_in(city)
    earliest(rest)
  else
    earliest(tonumber(redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]))
  end
  if kind ~= 'one' then
    earliest(tonumber(redis.call('ZRANGE', KEYS[10], 0, 0, 'WITHSCORES')[2]))
  end
  local till = tonumber(redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')[2])
  earliest(till and till + cooldown)
  return string.format('%d', at and math.max(at, now) or 0)
end

-- free_extension takes the next free one after the one taken last, so that each rests as long as the others allow.
local function free_extension(x)
  local s = extensions(x)
  local i = string.find(s, '0', tonumber(string.sub(s, 1, 3)) - 96, true) or string.find(s, '0', 4, true)
  if not i then
    return nil
  end
  local after = i == 903 and 100 or i + 97
  redis.call('HSET', KEYS[11], x, after .. string.sub(s, 4))
  return tostring(i + 96)
end
