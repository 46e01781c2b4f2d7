package quota

import "slices"

// report is what came of calls.
type feedback struct {
	accepted          []tally
	throttled, last   int64 // when the first and the last call left that were throttled
	refused           int   // how many were
	windowEnds        int64 // as the vendor says
	proof             int64 // when the first call left that was accepted after a throttled one
	atOnce, something bool
}

// tally counts calls that left in one tick.
type tally struct {
	tick  int64
	calls int
}

// undone takes a report back that did not reach the script.
func (s *allotment) undone(d demand) {
	s.back += d.back
	for _, t := range d.seen.accepted {
		s.count(t)
	}
	s.seen.throttled = earliest(s.seen.throttled, d.seen.throttled)
	s.seen.proof = earliest(s.seen.proof, d.seen.proof)
	s.seen.refused += d.seen.refused
	s.seen.last = max(s.seen.last, d.seen.last)
	s.seen.windowEnds = max(s.seen.windowEnds, d.seen.windowEnds)
}

// accepted notes a call that was not throttled, by when it left.
func (s *allotment) accepted(left int64) {
	s.count(tally{left / tick, 1})
	if s.closedAt > 0 && left > s.closedAt+reorder {
		s.seen.proof, s.seen.atOnce = earliest(s.seen.proof, left), true
	}
}

func (s *allotment) count(t tally) {
	const most = 64 // older ones have left the script's memory
	s.seen.something = true
	for i := range slices.Backward(s.seen.accepted) {
		if s.seen.accepted[i].tick == t.tick {
			s.seen.accepted[i].calls += t.calls
			return
		}
	}
	if len(s.seen.accepted) == most {
		s.seen.accepted = s.seen.accepted[1:]
	}
	s.seen.accepted = append(s.seen.accepted, t)
}

// throttled notes one that was, and when the vendor says that its window ends. What came of calls
// that left before the bucket was closed can wait for the next question.
func (s *allotment) throttled(left, windowEnds int64) {
	s.seen.throttled, s.seen.last = earliest(s.seen.throttled, left), max(s.seen.last, left)
	s.seen.windowEnds, s.seen.refused = max(s.seen.windowEnds, windowEnds), s.seen.refused+1
	s.seen.atOnce = s.seen.atOnce || s.closedAt == 0
}

func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
