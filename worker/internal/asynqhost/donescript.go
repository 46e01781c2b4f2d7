package asynqhost

import (
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// doneMost is how many tasks one script acknowledges: Redis does nothing else meanwhile.
const doneMost = 32

// doneScript is run in the place of asynq's. KEYS: the active list, the leases, the count of the
// day, the count of all days, a task each. ARGV: when the count of the day is forgotten (Unix s),
// an id each. Returns for each whether it was active (1 | 0).
//
// Each task has lines of its own because Alibaba Cloud's proxies take no key but a KEYS[n] that is
// written out.
var doneScript = redis.NewScript(head + tasksOf(doneMost) + tail)

const (
	head = `local found, done = {}, 0
local function take(id)
  return redis.call('LREM', KEYS[1], -1, id) == 1 and redis.call('ZREM', KEYS[2], id) == 1
end
local function note(taken)
  found[#found + 1] = taken and 1 or 0
  done = done + found[#found]
end
local function acknowledge()
`
	tail = `end
acknowledge()
if done > 0 then
  if redis.call('INCRBY', KEYS[3], done) == done then
    redis.call('EXPIREAT', KEYS[3], ARGV[1])
  end
  redis.call('INCRBY', KEYS[4], done)
end
return found
`
)

func tasksOf(n int) string {
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(
			&lines,
			"  if not ARGV[%[1]d] then return end\n  note(take(ARGV[%[1]d]) and redis.call('DEL', KEYS[%[2]d]) == 1)\n",
			firstID+i,
			firstTask+i,
		)
	}
	return lines.String()
}

// Where the tasks begin, counted from 1.
const (
	firstID   = 2
	firstTask = 5
)
