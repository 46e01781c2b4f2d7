-- ARGV[4..]: X, SubsId, until (ms, '' to leave it), hashes of the new A, of the new B ('' to leave them), secret's name.
-- Returns updated | unknown | secret.
local x, subs, till, a, b = name_of(ARGV[4]), ARGV[5], ARGV[6], ARGV[7], ARGV[8]
if a .. b ~= '' and redis.call('GETRANGE', KEYS[12], 0, 15) ~= ARGV[9] then
  return 'secret'
end
local task = redis.call('HGET', KEYS[8], x .. '|' .. subs)
if not task then
  return 'unknown'
end
local l = lease_of(task)
if l.kind == 'pair' then
  local function change(side, hash)
    if hash ~= '' and l[side] ~= hash then
      drop_slot(x .. '|' .. l[side], now + cooldown)
      take_slot(x .. '|' .. hash)
      l[side] = hash
    end
  end
  change('a', hash_on(x, a))
  change('b', hash_on(x, b))
  note(l)
end
if till ~= '' then
  l.till = till
  redis.call('ZADD', KEYS[6], till, task)
end
write_lease(l)
return 'updated'
