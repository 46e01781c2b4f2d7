package breaker

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// StartCalls are out at most before the API has answered one.
	StartCalls = 4
	// MostCalls is more than a process ever makes at once: the bound is of no effect any more.
	MostCalls = 1 << 12
	// mostUnanswered in a row show that what answers is not the API.
	mostUnanswered = 4
	// startAnew is after how long without an answer of the API the bound is StartCalls again.
	startAnew = 30 * time.Second
)

// SlowStart bounds how many calls of an account are out that take effect once, so that an API which
// is away takes few of their answers with it. Each answer of the API lets one more be out, as TCP
// does with its segments: with answers coming in the bound is soon of no effect. It falls where
// answers stay away.
type SlowStart struct {
	mu         sync.Mutex
	most       int // that may be out; 0 before the first call
	out        int
	unanswered int       // in a row
	heard      time.Time // when the API answered last
	waiting    []chan struct{}
}

// Try takes a place for a call where there is one. At first, and after a while without answers, so
// many may be out.
func (s *SlowStart) Try(first int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most == 0 || s.out == 0 && s.most > first && time.Since(s.heard) > startAnew {
		s.most = first
	}
	if s.out >= s.most {
		return false
	}
	s.out++
	return true
}

// Wait takes a place once there is one. It gives up when late fires or ctx is done, and then
// reports false.
func (s *SlowStart) Wait(ctx context.Context, late <-chan time.Time) bool {
	s.mu.Lock()
	place := make(chan struct{})
	s.waiting = append(s.waiting, place)
	s.grant()
	s.mu.Unlock()
	select {
	case <-place:
		return true
	case <-late:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, place); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return false
	}
	return true // it was granted meanwhile
}

// End gives a place back.
func (s *SlowStart) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out--
	s.grant()
}

// answered takes in an answer of the API's own.
func (s *SlowStart) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.unanswered = time.Now(), 0
	if s.most > 0 {
		s.most = min(s.most+1, MostCalls)
		s.grant()
	}
}

// missed takes in that a call was sent and not answered by the API, and reports whether so many
// were in a row that no more should leave.
func (s *SlowStart) missed() (enough bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unanswered++
	switch {
	case s.unanswered > 1: // a single one among others says nothing
		s.most = 1
	case s.most > 1:
		s.most--
	}
	if s.unanswered < mostUnanswered {
		return false
	}
	s.unanswered = 0
	return true
}

func (s *SlowStart) grant() {
	for len(s.waiting) > 0 && s.out < s.most {
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
		s.out++
	}
}
