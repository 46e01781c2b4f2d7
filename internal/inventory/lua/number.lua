-- What every script starts with. ARGV[1]: ms by which a test moves the clock, else 0. ARGV[2]: the cooldown (ms), -1 for what a lease said last.
-- ARGV[3]: how the caller names numbers: none (it has no keys), keys (digits and handle), sealed (handles alone), or any, where it names none
-- and is told none.
-- KEYS, the same for all: 1 numbers, 2 idle, 3 idle:city, 4 room, 5 leases, 6 until, 7 open, 8 subs, 9 slots, 10 rests, 11 extensions, 12 secret, 13 since, 14 counts, 15 cooldown, 16 sealed, 17 sealing.
if ARGV[3] == 'none' and redis.call('EXISTS', KEYS[16], KEYS[17]) > 0 then
  return {err = 'SEALED the numbers of this pool are sealed, and the caller has no keys'}
end
if ARGV[3] == 'sealed' and redis.call('HLEN', KEYS[1]) ~= redis.call('HLEN', KEYS[16]) then
  return {err = 'DIGITS some numbers of this pool are not sealed'}
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
local cooldown = tonumber(ARGV[2])
if cooldown < 0 then
  cooldown = tonumber(redis.call('GET', KEYS[15]) or 86400000)
end
local most_pairs = 200

-- An X is named by its digits, or by a handle once it is sealed.
local function is_handle(x)
  return string.sub(x, 1, 1) == 'x'
end

-- name_of tells how an X is named here: who has keys says 'digits|handle', as it may not be sealed yet.
local function name_of(x)
  local digits, handle = string.match(x, '^(%d+)|(.+)$')
  if not handle then
    return x
  end
  return redis.call('HEXISTS', KEYS[1], handle) == 1 and handle or digits
end

-- place is where a number is counted: by what it is, and its city. Whether one that is idle rests, its list tells.
local function place(n)
  local what = n.held > 0 and 'leased' or 'idle'
  if n.aside == '~' then
    what = 'leaving'
  elseif n.aside ~= '-' then
    what = 'aside'
  elseif n.bound > 0 then
    what = 'bound'
  end
  return what .. '|' .. n.city
end

-- count moves a number in the counts, from where it was when it was read; to is nil where it has left.
local function count(n, to)
  if n.counted == to then
    return
  end
  if n.counted and redis.call('HINCRBY', KEYS[14], n.counted, -1) == 0 then
    redis.call('HDEL', KEYS[14], n.counted)
  end
  if to then
    redis.call('HINCRBY', KEYS[14], to, 1)
  end
  n.counted = to
end

-- number reads an X: what it is used for, by how many leases, how many of them are bound, when its rest is over, why it is
-- set aside ('-': it is not; '~': it leaves the inventory as soon as nobody needs it), and its city.
local function number(x)
  local v = redis.call('HGET', KEYS[1], x)
  if not v then
    return nil
  end
  local kind, held, bound, rest, aside, city = string.match(v, '^(%S+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  local n = {x = x, kind = kind, held = tonumber(held), bound = tonumber(bound), rest = tonumber(rest), aside = aside, city = city}
  n.counted = place(n)
  return n
end

-- The lists are sorted by text where they have a city in front: its first number is then one look-up away.
local function in_city(n)
  return n.city .. '|' .. string.format('%013d', n.rest) .. '|' .. n.x
end

local function in_room(n)
  return n.kind .. '|' .. n.city .. '|' .. n.x
end

-- The extensions of an X stand in a text: where to look next, and a digit for each of 100-999, 1 where it is held or rests.
local function extensions(x)
  return redis.call('HGET', KEYS[11], x) or '100' .. string.rep('0', 900)
end

local function has_room(n)
  if n.kind == 'pair' then
    return n.held < most_pairs
  end
  return n.kind == 'ext' and string.find(extensions(n.x), '0', 4, true) ~= nil
end

-- take_off removes a number from the lists that numbers are chosen from. It comes before every change of a number.
local function take_off(n)
  if n.aside ~= '-' then
    return
  end
  if n.held == 0 then
    redis.call('ZREM', KEYS[2], n.x)
    redis.call('ZREM', KEYS[3], in_city(n))
  end
  if n.kind == 'pair' or n.kind == 'ext' then
    redis.call('ZREM', KEYS[4], in_room(n))
  end
end

-- put_back writes a number and lists it where it belongs. One that nobody holds is idle until its rest is over, for whatever
-- use; and where several may share it, it has room for more of the same use meanwhile: there each of them rests by itself.
local function put_back(n)
  if n.aside == '~' and n.held == 0 then
    if n.rest <= now then
      redis.call('HDEL', KEYS[1], n.x)
      redis.call('HDEL', KEYS[16], n.x)
      count(n, nil)
      return
    end
    redis.call('ZADD', KEYS[10], n.rest, n.x) -- it leaves when it has rested: imported again before, it rests on
  end
  redis.call('HSET', KEYS[1], n.x, table.concat({n.kind, n.held, n.bound, string.format('%d', n.rest), n.aside, n.city}, ' '))
  count(n, place(n))
  if n.aside ~= '-' then
    return
  end
  if n.held == 0 then
    redis.call('ZADD', KEYS[2], n.rest, n.x)
    redis.call('ZADD', KEYS[3], 0, in_city(n))
  end
  if has_room(n) then
    redis.call('ZADD', KEYS[4], 0, in_room(n))
  end
end
