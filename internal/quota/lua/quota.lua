-- KEYS: a budget, the workers that draw on it.
-- ARGV: worker, ceiling and start (slots a second), slots wanted, slots given back, channel, the budget's name on it, when the first and the
-- last call left that were throttled, when the vendor says that its window ends, when the first call left that was accepted after a
-- throttled one, how many were throttled, then pairs: a tick, and how many calls that left in it were accepted. Times in microseconds of this clock, 0 for none.
-- Returns now, epoch, slots granted, the first slot's time, slots a second (text), when to ask again if none was granted, workers,
-- when the throttled call left that closed the budget (0: it is open).
local second, tick, ring = 1000000, 50000, 64
local s = redis.call('HMGET', KEYS[1], 'epoch', 'rate', 'next', 'seen', 'from', 'step', 'fell', 'late', 'proof', 'window', 'opened', 'probe', 'probes', 'newest',
  'streak', 'safe', 'noise', 'counting', 'refused', 'lowest', 'lowered')
local ceiling, start = tonumber(ARGV[2]), tonumber(ARGV[3])
local epoch, rate, next_at, seen = tonumber(s[1]), tonumber(s[2]), tonumber(s[3]), tonumber(s[4])
local from, step, fell, late, proof = tonumber(s[5]), tonumber(s[6]), tonumber(s[7]), tonumber(s[8]), tonumber(s[9])
local window, opened, probe, probes, newest = tonumber(s[10]), tonumber(s[11]), tonumber(s[12]), tonumber(s[13]), tonumber(s[14])
local streak, safe, noise, counting, refused = tonumber(s[15]), tonumber(s[16]), tonumber(s[17]), tonumber(s[18]), tonumber(s[19])
local lowest, lowered = tonumber(s[20]), tonumber(s[21])
local bucket = math.floor(now / tick)
if not epoch or seen > now + second then -- nothing is known, or the clock is another one
  redis.call('DEL', KEYS[1], KEYS[2])
  epoch, rate, next_at, seen, from, step = now, start, now, now, now, 0
  fell, late, proof, window, opened, probe, probes, newest = 0, 0, 0, 0, 0, 0, 0, bucket
  streak, safe, noise, counting, refused = 0, 0, 0, now, 0
  lowest = nil
end
-- Of workers that differ, the lowest ceiling holds, until nobody has asked with it for a minute.
if not lowest or ceiling <= lowest or now > lowered + 60 * second then
  lowest, lowered = ceiling, now
end
ceiling = lowest
start = math.min(start, ceiling)
local idle = now - seen - 10 * second
if idle > 0 then -- what was known ages
  rate, step, from = math.max(math.min(rate, start), rate * 0.5 ^ (idle / (30 * second))), 0, now
end
rate = math.min(rate, ceiling)

-- Which calls were accepted, by when they left.
if bucket > newest then
  local stale = {}
  for b = math.max(newest + 1, bucket - ring + 1), bucket do
    stale[#stale + 1] = 'a' .. b % ring
  end
  redis.call('HDEL', KEYS[1], unpack(stale))
  newest = bucket
end
for i = 13, #ARGV, 2 do
  local b = math.min(tonumber(ARGV[i]), bucket)
  if b > bucket - ring then
    redis.call('HINCRBY', KEYS[1], 'a' .. b % ring, ARGV[i + 1])
  end
end
local function accepted(since, till)
  local first, names, sum = math.max(math.floor(since / tick), bucket - ring + 1), {}, 0
  for b = first, math.min(math.floor(till / tick), bucket) do
    names[#names + 1] = 'a' .. b % ring
  end
  if #names == 0 then
    return 0
  end
  local counts = redis.call('HMGET', KEYS[1], unpack(names))
  for i = 1, #names do
    local n, begins = tonumber(counts[i] or 0), (first + i - 1) * tick
    if begins < since then
      n = n * (begins + tick - since) / tick
    end
    if begins + tick > till then
      n = math.min(n, rate * (till - begins) / second)
    end
    sum = sum + n
  end
  return sum
end

-- A throttled call closes the budget for everybody. What left before it opened again says nothing new.
local throttled, last, ends, proven, told = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), false
if math.max(last, proven) > now + second then -- by another clock: it may close the budget for as long as that one is ahead
  last, ends, proven = 0, 0, 0
end
if ends > 0 then
  ends = math.min(ends, now + 60 * second)
end
if now - counting > second then
  counting, refused = now, 0
end
refused = refused + ARGV[12]
-- While some calls are throttled whatever the rate, it takes more than some.
local some = now < noise and refused <= math.max(3, 0.15 * accepted(now - second, now))
if last > 0 and fell > 0 then
  late = math.max(late, last)
  if ends > window then
    window, probe = ends, math.max(probe, ends)
  end
elseif last > 0 and last >= opened and not some then
  fell, late, proof, window, epoch, probes = math.max(throttled, opened), last, 0, ends, epoch + 1, 0
  probe, told = math.max(now + 15000, ends), true -- first the others report what they have seen
end
if fell > 0 and proven > fell and (proof == 0 or proven < proof) then
  proof = proven
end

-- It opens when a call was accepted that left after the throttled one, or at the end that the vendor has told.
local short = window > 0 and window - fell <= second
if fell > 0 and (proof > 0 and (probes > 0 or now >= probe) or short and now >= probe) then
  local turned = short and window or (proof + math.min(late, proof)) / 2
  if turned - fell < second then
    rate = math.min(rate, 0.985 * accepted(turned - second, fell))
  else -- no window of a second: all that is known is that it was too much
    rate = math.min(rate, accepted(fell - second, fell)) / 2
  end
  rate = math.max(rate, math.min(10, start, ceiling)) -- few calls tell little: where each weighs much, a throttled one now and then is no reason
  if step == 1 and turned - fell < second / 10 then -- throttled, and only just, at the rate that had been found safe
    streak = streak + 1
  else
    streak, safe = 0, rate
  end
  step = 1
  if streak == 6 then -- lowering it does not help, so it is not about the rate
    streak, rate, noise, step = 0, math.max(rate, safe), now + 30 * second, 0
  end
  fell, from, next_at, opened, told = 0, now, now, now, true
end

-- A rate that was really used, and found clean, is raised.
if fell == 0 and rate < ceiling then
  local span = opened > 0 and 1.25 * second or second
  if step == 1 then -- a call too many weighs more where there are few
    span = math.max(span, math.min(60 / rate, 10) * second)
  elseif step == 2 or step == 3 then -- a whole window must have seen it, wherever that begins
    span = 1.5 * second
  end
  if now >= from + span then
    if accepted(from + span - second, from + span) >= math.max(0.8 * rate - 1, 0.5) then
      if step == 1 then
        rate, step = math.max(1.03 * rate, rate + 0.5), 2
      elseif step == 2 then
        rate, step = 1.09 * rate, 3
      else
        rate, step = 2 * rate, 0
      end
      rate, from = math.min(rate, ceiling), math.max(next_at, now)
    elseif now >= from + span + second then
      from = now
    end
  end
end

-- Slots.
local wanted, granted, first, wait = tonumber(ARGV[4]), 0, now, 0
local burst = 20000 -- of what was not used
if opened == 0 and 2 * rate <= ceiling then -- nothing says that the quota is near
  burst = 100000
end
next_at = math.max(now - burst, next_at - tonumber(ARGV[5]) / rate * second)
if wanted > 0 then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 2 * second)
  redis.call('PEXPIRE', KEYS[2], 600000)
end
local workers = math.max(1, redis.call('ZCARD', KEYS[2]))
if fell > 0 then
  if wanted > 0 and now >= probe then -- one call finds out
    granted, probes = 1, probes + 1
    probe = now + math.max(second / rate, math.min(10 * second, 30000 * 1.3 ^ (probes - 1)))
  end
  wait = math.max(probe - now, 0)
elseif next_at > now + second then
  wait = next_at - now - second / 2
elseif wanted > 0 then
  first = next_at
  local ahead = 0.5 -- seconds; fewer while the rate is being found
  if rate < ceiling and (step == 0 or step == 3) then
    ahead = 0.2
  end
  granted = math.min(wanted, math.max(1, math.floor(rate * ahead / workers)))
  next_at = first + granted / rate * second
end

redis.call('HSET', KEYS[1], 'epoch', epoch, 'rate', rate, 'next', math.floor(next_at), 'seen', now, 'from', math.floor(from), 'step', step,
  'fell', fell, 'late', late, 'proof', proof, 'window', window, 'opened', opened, 'probe', math.floor(probe), 'probes', probes, 'newest', newest,
  'streak', streak, 'safe', safe, 'noise', noise, 'counting', counting, 'refused', refused,
  'lowest', lowest, 'lowered', lowered)
redis.call('PEXPIRE', KEYS[1], 600000)
if told then
  redis.call('PUBLISH', ARGV[6], ARGV[7] .. ' ' .. string.format('%.0f', epoch) .. ' ' .. string.format('%.0f', fell))
end
return {now, epoch, granted, math.floor(first), string.format('%.3f', rate), math.ceil(wait), workers, fell}
