-- ARGV[4..]: task, kind (one | pair | ext), hashes of A, of B, city, strict (1 | 0), X (where the caller named it), extension, secret's name,
-- until when the binding may stand (ms, 0 for ever).
-- Returns leased, X, extension, the number sealed where X is a handle | unlisted | none, when the next may be free (ms) | other | secret.
local task, kind, a, b, city, strict, named, ext =
  ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9] == '1', name_of(ARGV[10]), ARGV[11]
if kind == 'pair' and redis.call('GETRANGE', KEYS[12], 0, 15) ~= ARGV[12] then
  return {'secret'}
end
local function leased(x, extension)
  return {'leased', x, extension, is_handle(x) and redis.call('HGET', KEYS[16], x) or ''}
end
local held = lease_of(task)
if held then
  if named ~= '' and held.x ~= named then
    return {'other'}
  end
  return leased(held.x, held.ext == '-' and '' or held.ext) -- a reply was lost, or a run before took it
end
tidy(8, 16)
local n
if named ~= '' then
  n = number(named)
  if not n then
    return {'unlisted'}
  end
else
  local x = choose(kind, a, b, city, strict)
  if not x then
    return {'none', next_free(kind, city, strict)}
  end
  n = number(x)
end
if kind == 'ext' and ext == '' then
  ext = free_extension(n.x)
  if not ext then
    return {'none', next_free(kind, city, strict)}
  end
end
if redis.call('GET', KEYS[15]) ~= ARGV[2] then
  redis.call('SET', KEYS[15], ARGV[2])
end
hold(task, n, kind, ext, hash_on(n.x, a), hash_on(n.x, b), ARGV[13])
return leased(n.x, ext)
