-- note appends a step to the history of the task, for a person who asks what happened: when, what, the attempt, whether it counts,
-- how long it took (ms), code, class, request id. Of many steps only the latest are kept, of a word its beginning.
local function note(history, ...)
  local most, longest, words = 8, 48, {now, ...}
  for i, word in ipairs(words) do
    word = string.gsub(string.sub(word, 1, longest), '[^%w%.:_-]', '_')
    words[i] = word == '' and '-' or word
  end
  history = (history or '') .. table.concat(words, ' ') .. ';'
  local _, steps = string.gsub(history, ';', ';')
  for _ = most + 1, steps do
    history = string.sub(history, string.find(history, ';', 1, true) + 1)
  end
  redis.call('HSET', KEYS[1], 'history', history)
end

