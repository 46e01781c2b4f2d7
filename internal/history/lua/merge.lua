-- KEYS: the minutes of an hour, the hours of a day.
-- ARGV: how to merge (sum, max or last), the field in each hash, for how long each is kept (ms), a row.
-- A row is name=n,n,n;name=n,n,n.
local most = 256 -- names in a row
local function merged(old)
  if not old or ARGV[1] == 'last' then
    return ARGV[6]
  end
  local names, rows = {}, {}
  for _, row in ipairs({old, ARGV[6]}) do
    for name, numbers in string.gmatch(row, '([^=;]+)=([^;]*)') do
      local known, i = rows[name], 0
      if not known and #names < most then
        known = {}
        names[#names + 1], rows[name] = name, known
      end
      for text in string.gmatch(known and numbers or '', '%d+') do
        i = i + 1
        local n, before = tonumber(text), known[i] or 0
        known[i] = ARGV[1] == 'sum' and before + n or math.max(before, n)
      end
    end
  end
  for i, name in ipairs(names) do
    local numbers = rows[name]
    for j = 1, #numbers do
      numbers[j] = string.format('%.0f', numbers[j])
    end
    names[i] = name .. '=' .. table.concat(numbers, ',')
  end
  return table.concat(names, ';')
end
redis.call('HSET', KEYS[1], ARGV[2], merged(redis.call('HGET', KEYS[1], ARGV[2])))
redis.call('HSET', KEYS[2], ARGV[3], merged(redis.call('HGET', KEYS[2], ARGV[3])))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
