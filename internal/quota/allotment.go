package quota

import (
	"slices"
	"time"
)

const (
	// tokenValid is how long after its time a token may still be used.
	tokenValid = int64(100 * time.Millisecond / time.Microsecond)
	// tick is how finely it is kept when calls left.
	tick = int64(50 * time.Millisecond / time.Microsecond)
	// reorder is by how much calls may overtake one another on their way: an acceptance proves
	// something about calls this much before it.
	reorder = int64(20 * time.Millisecond / time.Microsecond)
	// demandSpan is the span whose use of tokens tells how many to fetch ahead.
	demandSpan = int64(200 * time.Millisecond / time.Microsecond)
	aheadOf    = 2 // fetched ahead is what this part of the span will use
	// alone is for how long tokens are made without Redis before it is asked again.
	alone = int64(300 * time.Millisecond / time.Microsecond)

	secondMicros = int64(time.Second / time.Microsecond)
)

// Token is leave for one call, from its time on.
type Token struct{ at, epoch int64 }

// allotment is what one worker holds of a bucket, and what it has to report. It has no clock and
// waits for nothing: times are passed in, those of Redis' clock in microseconds.
type allotment struct {
	tokens   []Token // by time
	epoch    int64
	asked    int64 // the epoch when the script was asked last
	rate     float64
	workers  int
	closedAt int64
	askAt    int64
	back     int
	seen     feedback

	used, usedBefore int // tokens in this span and the one before
	spanBegan        int64
}

// take hands out the first token whose time has come.
func (s *allotment) take(now int64) (Token, bool) {
	for len(s.tokens) > 0 && s.tokens[0].at+tokenValid < now {
		s.tokens = s.tokens[1:]
	}
	if len(s.tokens) == 0 || s.tokens[0].at > now {
		return Token{}, false
	}
	first := s.tokens[0]
	s.tokens = s.tokens[1:]
	s.turnSpan(now)
	s.used++
	return first, true
}

func (s *allotment) turnSpan(now int64) {
	switch since := now - s.spanBegan; {
	case since >= 2*demandSpan || since < 0:
		s.used, s.usedBefore, s.spanBegan = 0, 0, now
	case since >= demandSpan:
		s.used, s.usedBefore, s.spanBegan = 0, s.used, now
	}
}

// putBack takes a token back that was not used.
func (s *allotment) putBack(one Token, now int64) {
	if one.epoch != s.epoch || one.at+tokenValid < now {
		return
	}
	i, _ := slices.BinarySearchFunc(s.tokens, one, func(a, b Token) int { return int(a.at - b.at) })
	s.tokens = slices.Insert(s.tokens, i, one)
	s.used = max(s.used-1, 0)
}

// plan tells whether the script has to be asked, and otherwise when something will be due; 0 for
// never.
func (s *allotment) plan(waiting int, now int64) (ask bool, wake int64) {
	switch {
	case s.seen.atOnce:
		return true, 0
	case waiting == 0:
		return false, 0
	case len(s.tokens) > 0:
		return false, s.tokens[0].at
	case now >= s.askAt:
		return true, 0
	}
	return false, s.askAt
}

// demand is what to ask the script. What it reports is not reported again.
func (s *allotment) demand(waiting int, now int64) demand {
	s.turnSpan(now)
	d := demand{back: s.back, seen: s.seen}
	if len(s.tokens) == 0 && waiting > 0 {
		d.wanted = max(waiting, max(s.used, s.usedBefore)/aheadOf)
	}
	s.back, s.seen, s.asked = 0, feedback{}, s.epoch
	return d
}

// grant takes in what the script has granted.
func (s *allotment) grant(g granted) {
	if g.epoch < s.asked { // what the script knew is lost: it has begun anew
		s.epoch, s.tokens = g.epoch, nil
	}
	if g.epoch < s.epoch {
		return // news that came meanwhile have overtaken it
	}
	s.hear(g.epoch, g.closedAt)
	s.rate, s.workers, s.askAt = g.rate, g.workers, g.now+g.wait
	for i := range g.tokens {
		s.tokens = append(
			s.tokens,
			Token{g.first + int64(float64(i)*float64(secondMicros)/g.rate), g.epoch},
		)
	}
}

// hear takes in the news that a bucket was closed, or is open again: tokens of an earlier epoch are
// void.
func (s *allotment) hear(epoch, closedAt int64) {
	if epoch < s.epoch {
		return
	}
	if epoch > s.epoch {
		s.epoch, s.tokens = epoch, nil
	}
	s.closedAt, s.askAt = closedAt, 0
	s.seen.atOnce = s.seen.atOnce || closedAt > 0 && s.seen.something
}

// makeTokens stands in for a Redis that is out of reach: half of this worker's share of the last
// known rate.
func (s *allotment) makeTokens(now int64, start float64) {
	const caution = 2
	rate := s.rate
	if rate == 0 {
		rate = start
	}
	rate /= float64(caution * max(s.workers, 1))
	interval := int64(float64(secondMicros) / rate)
	first := max(now, s.askAt)
	s.askAt = first
	for s.askAt < now+alone || len(s.tokens) == 0 {
		s.tokens = append(s.tokens, Token{s.askAt, s.epoch})
		s.askAt += interval
	}
}

// drain empties the allotment; tokens whose time has not come are given back.
func (s *allotment) drain(now int64) {
	for _, one := range s.tokens {
		if one.at > now {
			s.back++
		}
	}
	s.tokens = nil
}
