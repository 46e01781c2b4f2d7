-- ARGV[4..]: the run, how long (ms) what is noted for it is kept, then for each X: its digits, its handle, the number sealed, how
-- long a note of it is known, the tasks that may be on it, and what its slots are called until then and from then on, in words.
-- Returns for each: sealed | noted, with what is not known yet | full, where it has to be read again | odd. Or nothing at all, where
-- another run has begun; or over, where no run has any notes: who came onto an X meanwhile, nobody knows then.

-- on returns the leases on an X; nil where they are not those that it counts, or hold a slot that has no name yet.
local function on(x, n, tasks, slots)
  local found = {}
  for task in string.gmatch(tasks, '%S+') do
    local l = lease_of(task)
    if l and l.x == x then
      if not slots[l.ext] or not slots[l.a] or not slots[l.b] then
        return nil
      end
      table.insert(found, l)
    end
  end
  return #found == (n and n.held or 0) and found or nil
end

local function rename(x, handle, slots)
  local taken = redis.call('HGET', KEYS[11], x)
  if taken then
    redis.call('HDEL', KEYS[11], x)
    redis.call('HSET', KEYS[11], handle, taken)
  end
  for before, after in pairs(slots) do
    local held = redis.call('HGET', KEYS[9], x .. '|' .. before)
    if held then
      redis.call('HDEL', KEYS[9], x .. '|' .. before)
      redis.call('HSET', KEYS[9], handle .. '|' .. after, held)
    end
    local rest = redis.call('ZSCORE', KEYS[10], x .. '|' .. before)
    if rest then
      redis.call('ZREM', KEYS[10], x .. '|' .. before)
      redis.call('ZADD', KEYS[10], rest, handle .. '|' .. after)
    end
  end
  redis.call('ZREM', KEYS[10], x) -- of one that leaves, which is listed anew
end

local function seal(x, handle, sealed, known, tasks, names)
  local noted = redis.call('HGET', KEYS[17], x) or ''
  if noted == '!' then
    return 'full'
  end
  if #noted > known then
    return 'noted ' .. string.sub(noted, known + 1)
  end
  local slots = {['-'] = '-'}
  for before, after in string.gmatch(names, '(%S+) (%S+)') do
    slots[before] = after
  end
  local n = number(x)
  local leases = on(x, n, tasks, slots)
  if not leases then
    return 'odd'
  end
  if n then
    take_off(n)
    redis.call('HDEL', KEYS[1], x)
  end
  rename(x, handle, slots)
  for _, l in ipairs(leases) do
    l.x, l.a, l.b = handle, slots[l.a], slots[l.b]
    write_lease(l)
    if l.subs ~= '-' then
      redis.call('HDEL', KEYS[8], x .. '|' .. l.subs)
      redis.call('HSET', KEYS[8], handle .. '|' .. l.subs, l.task)
    end
  end
  if n then
    redis.call('HSET', KEYS[16], handle, sealed)
    n.x = handle
    put_back(n)
  end
  redis.call('HDEL', KEYS[17], x)
  return 'sealed'
end

local done = {}
local run = redis.call('HGET', KEYS[17], '-')
if not run then
  return {'over'}
elseif run ~= ARGV[4] then
  return done
end
redis.call('PEXPIRE', KEYS[17], ARGV[5])
for i = 6, #ARGV, 6 do
  table.insert(done, seal(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5]))
end
return done
