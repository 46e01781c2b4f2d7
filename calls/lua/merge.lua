-- Merges what a receipt says into its call. Of two values of a field the one of the higher rank stays, of equal ranks the greater
-- one: so the order in which receipts come, and how often each does, makes no difference.
-- KEYS[1] the call
-- ARGV: how long to keep it (ms), the receipt's field, its JSON, then rank, name and value of each fact
-- Returns whether the receipt is new, whether anything changed, the revision, the revision that was told, and the state of the
-- recording that the record has, and what is expected of one; or one value alone, which is sealed: then nothing is changed.
local names = {}
for i = 4, #ARGV, 3 do names[#names + 1] = ARGV[i + 1] end
names[#names + 1] = ARGV[2]
names[#names + 1] = 'revision'
names[#names + 1] = 'told'
names[#names + 1] = 'recording:state'
local old = redis.call('HMGET', KEYS[1], unpack(names))
local told, revision, raw = tonumber(old[#names - 1] or '0'), tonumber(old[#names - 2] or '0'), old[#names - 3]
local writes = {}
local n = 0
for i = 4, #ARGV, 3 do
  n = n + 1
  local rank, name, value = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local has = old[n]
  if has and string.byte(has) == 0 then return {has} end
  local hasRank = has and tonumber(string.sub(has, 1, 1)) or -1
  if rank > hasRank or (rank == hasRank and value > string.sub(has, 3)) then
    writes[#writes + 1] = name
    writes[#writes + 1] = ARGV[i] .. ':' .. value
  end
end
local new = not raw
if raw and string.byte(raw) == 0 then return {raw} end
-- Each way in has a dialect of its own: of both the longer JSON is kept.
if new or #ARGV[3] > #raw or (#ARGV[3] == #raw and ARGV[3] > raw) then
  writes[#writes + 1] = ARGV[2]
  writes[#writes + 1] = ARGV[3]
end
if #writes > 0 then
  revision = revision + 1
  writes[#writes + 1] = 'revision'
  writes[#writes + 1] = revision
  redis.call('HSET', KEYS[1], unpack(writes))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {new and 1 or 0, #writes > 0 and 1 or 0, revision, told, old[#names] or '', redis.call('HGET', KEYS[1], 'recording_expected') or ''}
