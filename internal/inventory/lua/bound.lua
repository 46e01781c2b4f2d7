-- ARGV[4..]: task, kind, hashes of A, of B, X, extension, SubsId, until (ms, 0 for never), secret's name. Of A, B, the extension and until, what
-- is '' is as the task's lease has it.
-- Writes down a binding that exists, whatever was thought before. Returns bound | unlisted | secret.
local task, kind, a, b, x, ext, subs, till =
  ARGV[4], ARGV[5], ARGV[6], ARGV[7], name_of(ARGV[8]), ARGV[9], ARGV[10], ARGV[11]
if a .. b ~= '' and redis.call('GETRANGE', KEYS[12], 0, 15) ~= ARGV[12] then
  return 'secret'
end
local l = lease_of(task)
local known = redis.call('HGET', KEYS[8], x .. '|' .. subs)
if known and known ~= task and known ~= task .. '|' .. subs then
  -- Another task was told this binding, and holds what it needs: what this one leased for a binding of its own it never got.
  if l and l.state == 'open' then
    finish(l, l.x ~= x, now)
  end
  return 'bound'
end
local function elsewhere()
  return l.x ~= x or ext ~= '' and l.ext ~= ext
end
if l and l.state == 'bound' and l.subs ~= '-' and l.subs ~= subs and elsewhere() then
  task = task .. '|' .. subs -- a second binding of the task, which stands beside the first: no task's name holds a |
  l = lease_of(task)
end
if l and elsewhere() then
  finish(l, true, now) -- it was bound elsewhere than it was meant to be
  l = nil
end
local n = number(x)
if not l then
  if not n then
    return 'unlisted'
  end
  l = hold(task, n, kind, ext, hash_on(x, a), hash_on(x, b), '0')
end
if l.subs ~= '-' and l.subs ~= subs then
  redis.call('HDEL', KEYS[8], x .. '|' .. l.subs)
end
l.subs = subs
if till ~= '' then
  l.till = till
end
keep(l, n)
redis.call('HSET', KEYS[8], x .. '|' .. subs, task)
return 'bound'
