package worker

import (
	"errors"
	"sync/atomic"
	"time"
)

const (
	// aheadPerCall: for so many calls at once, one more task is performed whose call is over or has not begun. Without it a
	// call would be wanting while Redis is told of an outcome, and asked for the next task.
	aheadPerCall = 1
	// readyPerCall: for so many calls at once, one more task may get ready. Without it a call would be wanting while the record is
	// asked. More of them are not worth it: a task that has its record's leave is in doubt where the worker is killed. And with as many
	// as are performed, those who wait for a quota would never see that others need their place.
	readyPerCall = 4
	// readyFor is how long a task that may call waits for another's call to end, from when its own was noted: it leaves soon
	// after, or not at all.
	readyFor = leavesWithin / 4
	// lastingCall is how long calls take where a task waits for its own first: it would be ready for a quarter of that.
	lastingCall = readyFor / 2
	// callsLastPause is when one is offered again for which no call came free.
	callsLastPause = time.Second
)

// performedAtOnce is how many tasks of a queue are performed for so many calls at once.
func performedAtOnce(calls int) int { return calls + calls/aheadPerCall }

// performedOf is performedAtOnce for each queue.
func performedOf(calls map[string]int) map[string]int {
	performed := make(map[string]int, len(calls))
	for queue, n := range calls {
		performed[queue] = performedAtOnce(n)
	}
	return performed
}

// callSlots bounds the calls of a queue's tasks, and how many tasks get ready for one.
type callSlots struct {
	ready, calls chan struct{}
	took         atomic.Int64 // how long calls have taken lately, in nanoseconds
}

func newCallSlots(calls map[string]int) map[string]*callSlots {
	slots := make(map[string]*callSlots, len(calls))
	for queue, n := range calls {
		slots[queue] = &callSlots{ready: make(chan struct{}, n+n/readyPerCall), calls: make(chan struct{}, n)}
	}
	return slots
}

// note takes the length of a call into account. One that is missed because two end at once does not matter.
func (s *callSlots) note(took time.Duration) {
	const lately = 8
	before := s.took.Load()
	s.took.Store(before + (int64(took)-before)/lately)
}

var (
	// errDraining: a task that waited for its call goes to another worker, as it was.
	errDraining = errors.New("its worker ends")
	// errCallsLast: none ended while a task was ready for its own.
	errCallsLast = errors.New("the calls of others last too long")
)
