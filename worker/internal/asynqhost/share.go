package asynqhost

import (
	"context"
	"sync"
	"time"
)

// share is what is known of the slots that one or several queues share.
type share struct {
	mu      sync.Mutex
	queues  int
	slots   int
	running int
	handed  []time.Time   // when what is not performed yet was handed out, the oldest first
	taken   int           // by what is in stock, or asked for
	freed   chan struct{} // holds a token while there may be a slot for somebody who waits

	startsWithin time.Duration
}

func newShare(slots int) *share {
	return &share{slots: slots, freed: make(chan struct{}, 1), startsWithin: startsWithin}
}

// join notes that one more queue shares the slots.
func (s *share) join() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues++
}

// begin notes that one of the tasks that were handed out is performed.
func (s *share) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.handed) > 0 {
		s.handed = s.handed[1:]
	}
	s.running++
}

func (s *share) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.tell()
}

// reserve takes up to n slots, for tasks that are asked for, and returns how many; 0 where nobody
// waits any longer. Where one queue has the slots alone, whoever asks has one of them, which is
// reserved whatever was counted; where several share them, it waits.
func (s *share) reserve(ctx context.Context, n int, closed <-chan struct{}) int {
	for {
		if got := s.tryReserve(n); got > 0 {
			return got
		}
		select {
		case <-s.freed:
		case <-time.After(s.startsWithin / 4): // of what was handed out, a few are never begun
		case <-closed:
			return 0
		case <-ctx.Done():
			return 0
		}
	}
}

func (s *share) tryReserve(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.handed) > 0 && time.Since(s.handed[0]) > s.startsWithin {
		s.handed = s.handed[1:]
	}
	n = min(n, s.free())
	if s.queues == 1 {
		n = max(n, 1)
	}
	if n > 0 {
		s.taken += n
		s.tell()
	}
	return n
}

// give gives back slots for which there is no task, or takes some for tasks that came without,
// where n is negative.
func (s *share) give(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= n
	s.tell()
}

// handOut notes that a task for which a slot was reserved was handed out.
func (s *share) handOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.handed = append(s.handed, time.Now())
}

func (s *share) free() int { return s.slots - s.running - len(s.handed) - s.taken }

// tell wakes one of those who wait, if there is a slot for it. mu is held.
func (s *share) tell() {
	if s.free() > 0 {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}
