-- ARGV[3..]: task, kind, hash of A, of B, X, extension, SubsId, until (ms, 0 for never), secret's name.
-- Writes down a binding that exists, whatever was thought before. Returns bound | unlisted | secret.
local task, kind, a, b, x, ext, subs, till = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
if kind == 'pair' and redis.call('GETRANGE', KEYS[12], 0, 15) ~= ARGV[11] then
  return 'secret'
end
local l = lease_of(task)
if l and (l.x ~= x or l.ext ~= dash(ext)) then
  finish(l, true, now) -- it was bound elsewhere than it was meant to be
  l = nil
end
local n = number(x)
if not l then
  if not n then
    return 'unlisted'
  end
  l = hold(task, n, kind, ext, a, b)
end
if l.state == 'open' then
  l.state = 'bound'
  redis.call('ZREM', KEYS[7], task)
  if n then
    take_off(n)
    n.bound = n.bound + 1
    put_back(n)
  end
elseif l.subs ~= subs then
  redis.call('HDEL', KEYS[8], x .. '|' .. l.subs)
end
l.subs, l.till = subs, till
write_lease(l)
redis.call('HSET', KEYS[8], x .. '|' .. subs, task)
if till == '0' then
  redis.call('ZREM', KEYS[6], task)
else
  redis.call('ZADD', KEYS[6], till, task)
end
return 'bound'
