package worker

import (
	"slices"
	"time"
)

const (
	// slotValid is how long after its time a slot may still be used.
	slotValid = int64(100 * time.Millisecond / time.Microsecond)
	// tick is how finely it is kept when calls left.
	tick = int64(50 * time.Millisecond / time.Microsecond)
	// reorder is by how much calls may overtake one another on their way: an acceptance proves something about calls this much before it.
	reorder = int64(20 * time.Millisecond / time.Microsecond)
	// demandSpan is the span whose use of slots tells how many to fetch ahead.
	demandSpan = int64(200 * time.Millisecond / time.Microsecond)
	aheadOf    = 2 // fetched ahead is what this part of the span will use
	// alone is for how long slots are made without Redis before it is asked again.
	alone = int64(300 * time.Millisecond / time.Microsecond)

	secondMicros = int64(time.Second / time.Microsecond)
)

// slot is leave for one call, from its time on.
type slot struct{ at, epoch int64 }

// stock is what one worker holds of a budget, and what it has to report. It has no clock and waits for nothing: times are
// passed in, those of Redis' clock in microseconds.
type stock struct {
	slots    []slot // by time
	epoch    int64
	asked    int64 // the epoch when the script was asked last
	rate     float64
	workers  int
	closedAt int64
	askAt    int64
	back     int
	seen     report

	used, usedBefore int // slots in this span and the one before
	spanBegan        int64
}

// take hands out the first slot whose time has come.
func (s *stock) take(now int64) (slot, bool) {
	for len(s.slots) > 0 && s.slots[0].at+slotValid < now {
		s.slots = s.slots[1:]
	}
	if len(s.slots) == 0 || s.slots[0].at > now {
		return slot{}, false
	}
	first := s.slots[0]
	s.slots = s.slots[1:]
	s.turnSpan(now)
	s.used++
	return first, true
}

func (s *stock) turnSpan(now int64) {
	switch since := now - s.spanBegan; {
	case since >= 2*demandSpan || since < 0:
		s.used, s.usedBefore, s.spanBegan = 0, 0, now
	case since >= demandSpan:
		s.used, s.usedBefore, s.spanBegan = 0, s.used, now
	}
}

// putBack takes a slot back that was not used.
func (s *stock) putBack(one slot, now int64) {
	if one.epoch != s.epoch || one.at+slotValid < now {
		return
	}
	i, _ := slices.BinarySearchFunc(s.slots, one, func(a, b slot) int { return int(a.at - b.at) })
	s.slots = slices.Insert(s.slots, i, one)
	s.used = max(s.used-1, 0)
}

// plan tells whether the script has to be asked, and otherwise when something will be due; 0 for never.
func (s *stock) plan(waiting int, now int64) (ask bool, wake int64) {
	switch {
	case s.seen.atOnce:
		return true, 0
	case waiting == 0:
		return false, 0
	case len(s.slots) > 0:
		return false, s.slots[0].at
	case now >= s.askAt:
		return true, 0
	}
	return false, s.askAt
}

// demand is what to ask the script. What it reports is not reported again.
func (s *stock) demand(waiting int, now int64) demand {
	s.turnSpan(now)
	d := demand{back: s.back, seen: s.seen}
	if len(s.slots) == 0 && waiting > 0 {
		d.wanted = max(waiting, max(s.used, s.usedBefore)/aheadOf)
	}
	s.back, s.seen, s.asked = 0, report{}, s.epoch
	return d
}

// grant takes in what the script has granted.
func (s *stock) grant(g granted) {
	if g.epoch < s.asked { // what the script knew is lost: it has begun anew
		s.epoch, s.slots = g.epoch, nil
	}
	if g.epoch < s.epoch {
		return // news that came meanwhile have overtaken it
	}
	s.hear(g.epoch, g.closedAt)
	s.rate, s.workers, s.askAt = g.rate, g.workers, g.now+g.wait
	for i := range g.slots {
		s.slots = append(s.slots, slot{g.first + int64(float64(i)*float64(secondMicros)/g.rate), g.epoch})
	}
}

// hear takes in the news that a budget was closed, or is open again: slots of an earlier epoch are void.
func (s *stock) hear(epoch, closedAt int64) {
	if epoch < s.epoch {
		return
	}
	if epoch > s.epoch {
		s.epoch, s.slots = epoch, nil
	}
	s.closedAt, s.askAt = closedAt, 0
	s.seen.atOnce = s.seen.atOnce || closedAt > 0 && s.seen.something
}

// makeSlots stands in for a Redis that is out of reach: half of this worker's share of the last known rate.
func (s *stock) makeSlots(now int64, start float64) {
	const caution = 2
	rate := s.rate
	if rate == 0 {
		rate = start
	}
	rate /= float64(caution * max(s.workers, 1))
	interval := int64(float64(secondMicros) / rate)
	first := max(now, s.askAt)
	s.askAt = first
	for s.askAt < now+alone || len(s.slots) == 0 {
		s.slots = append(s.slots, slot{s.askAt, s.epoch})
		s.askAt += interval
	}
}

// drain empties the stock; slots whose time has not come are given back.
func (s *stock) drain(now int64) {
	for _, one := range s.slots {
		if one.at > now {
			s.back++
		}
	}
	s.slots = nil
}
