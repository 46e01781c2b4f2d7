-- A slot is what a binding has of an X that it shares: the hash of A, and of B, or the extension. A slot that is held counts
-- its leases (one, unless callers named the same X themselves); one that rests counts 0, and stands in the rests.

-- hash_on returns the hash of a person as the slots of an X have it. Who has keys says two: 'hash|sealed hash'.
local function hash_on(x, hashes)
  local plain, sealed = string.match(hashes, '^([^|]*)|?(.*)$')
  return is_handle(x) and sealed or plain
end

local function mark(slot, digit)
  local x, ext = string.match(slot, '^([^|]+)|([1-9]%d%d)$')
  if not x then
    return
  end
  local s, i = extensions(x), tonumber(ext) - 96
  s = string.sub(s, 1, i - 1) .. digit .. string.sub(s, i + 1)
  if string.find(s, '1', 4, true) then
    redis.call('HSET', KEYS[11], x, s)
  else
    redis.call('HDEL', KEYS[11], x)
  end
end

local function take_slot(slot)
  if redis.call('HINCRBY', KEYS[9], slot, 1) == 1 then
    mark(slot, '1')
  end
end

local function free_slot(slot)
  redis.call('HDEL', KEYS[9], slot)
  redis.call('ZREM', KEYS[10], slot)
  mark(slot, '0')
end

local function drop_slot(slot, rest)
  rest = math.max(rest, tonumber(redis.call('ZSCORE', KEYS[10], slot) or 0))
  local held = redis.call('HINCRBY', KEYS[9], slot, -1)
  if rest > now then
    redis.call('ZADD', KEYS[10], rest, slot)
  elseif held <= 0 then
    free_slot(slot)
  end
end
