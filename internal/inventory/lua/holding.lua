-- A lease is what a task holds: X, its kind, extension, hashes of A and B, state (open | bound), since when, until when its binding
-- may stand (0 for ever; it ends then where it is bound), SubsId ('-': not known).

local function dash(s)
  return s == '' and '-' or s
end

local function lease_of(task)
  local v = redis.call('HGET', KEYS[5], task)
  if not v then
    return nil
  end
  local l = {task = task}
  l.x, l.kind, l.ext, l.a, l.b, l.state, l.since, l.till, l.subs =
    string.match(v, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d+) (%d+) (%S+)$')
  return l
end

local function write_lease(l)
  redis.call('HSET', KEYS[5], l.task, table.concat({l.x, l.kind, l.ext, l.a, l.b, l.state, l.since, l.till, l.subs}, ' '))
end

local function slots(l)
  local held = {}
  for _, slot in ipairs({l.ext, l.a, l.b}) do
    if slot ~= '-' then
      table.insert(held, l.x .. '|' .. slot)
    end
  end
  return held
end

-- note writes down who came onto an X, with what, while its pool is being sealed: whoever seals it has read what was there before.
-- Where that is too much, it has to be read again.
local function note(l)
  if is_handle(l.x) or redis.call('EXISTS', KEYS[17]) == 0 then
    return
  end
  local noted = redis.call('HGET', KEYS[17], l.x) or ''
  if #noted < 100000 and noted ~= '!' then
    noted = noted .. table.concat({l.task, l.ext, l.a, l.b}, ' ') .. ' '
  else
    noted = '!'
  end
  redis.call('HSET', KEYS[17], l.x, noted)
end

-- hold gives a number to a task, which keeps it until it is told what came of the bind.
local function hold(task, n, kind, ext, a, b, till)
  local l = {task = task, x = n.x, kind = kind, ext = dash(ext), a = dash(a), b = dash(b),
    state = 'open', since = string.format('%d', now), till = till, subs = '-'}
  take_off(n)
  if n.held == 0 and n.rest <= now then
    n.kind = kind
  elseif n.kind ~= kind then
    n.kind = 'mixed' -- a caller named it for another use, while it was in use or rested: nobody else is sent there
  end
  n.held = n.held + 1
  for _, slot in ipairs(slots(l)) do
    take_slot(slot)
  end
  put_back(n)
  write_lease(l)
  note(l)
  redis.call('ZADD', KEYS[7], now, task)
  return l
end

-- keep has a lease end when its binding does: it is settled.
local function keep(l, n)
  if l.state == 'open' then
    l.state = 'bound'
    redis.call('ZREM', KEYS[7], l.task)
    if n then
      take_off(n)
      n.bound = n.bound + 1
      put_back(n)
    end
  end
  write_lease(l)
  if l.till == '0' then
    redis.call('ZREM', KEYS[6], l.task)
  else
    redis.call('ZADD', KEYS[6], l.till, l.task)
  end
end

-- finish ends a lease. What it held rests from then on, unless nothing was ever bound.
local function finish(l, rests, from)
  redis.call('HDEL', KEYS[5], l.task)
  redis.call('ZREM', KEYS[6], l.task)
  redis.call('ZREM', KEYS[7], l.task)
  if l.subs ~= '-' then
    redis.call('HDEL', KEYS[8], l.x .. '|' .. l.subs)
  end
  local rest = rests and from + cooldown or 0
  local n = number(l.x)
  if n then
    take_off(n)
  end
  for _, slot in ipairs(slots(l)) do
    drop_slot(slot, rest)
  end
  if n then
    n.held = n.held - 1
    if l.state == 'bound' then
      n.bound = n.bound - 1
    end
    n.rest = math.max(n.rest, rest)
    put_back(n)
  end
end

-- tidy frees what expired, oldest first, and what has rested; no more of each than it is told. It returns how much it did.
local function tidy(expiries, rests)
  local expired = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', 0, expiries)
  for _, task in ipairs(expired) do
    local l = lease_of(task)
    redis.call('ZREM', KEYS[6], task)
    if l then
      finish(l, true, tonumber(l.till))
    end
  end
  local rested = redis.call('ZRANGEBYSCORE', KEYS[10], '-inf', now, 'LIMIT', 0, rests)
  for _, entry in ipairs(rested) do
    redis.call('ZREM', KEYS[10], entry)
    local n = number(string.match(entry, '^[^|]+'))
    if not string.find(entry, '|', 1, true) then
      if n and n.aside == '~' then
        put_back(n) -- which lets it leave
      end
    elseif redis.call('HGET', KEYS[9], entry) == '0' then
      free_slot(entry)
      if n and n.kind == 'ext' then
        put_back(n)
      end
    end
  end
  return #expired + #rested
end
