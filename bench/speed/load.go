package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// load is callers that come whether or not the ones before them have been served.
type load struct {
	arena *arena
	next  int

	callers sync.WaitGroup
	mu      sync.Mutex
	noting  bool
	took    []time.Duration
	failed  int
	ends    []time.Time // of those that came before it was noted
}

// run lets callers come for at least so long, and at most so long, until enough is true.
func (l *load) run(ctx context.Context, rate int, least, most time.Duration, enough func() bool) {
	began := time.Now()
	due := began
	for ctx.Err() == nil {
		due = due.Add(time.Duration(rand.ExpFloat64() / float64(rate) * float64(time.Second)))
		if pause(ctx, time.Until(due)) != nil {
			return
		}
		if past := time.Since(began); past >= most || past >= least && l.next%16 == 0 && enough() {
			return
		}
		i := l.next
		l.next++
		l.callers.Go(func() { l.call(ctx, i) })
	}
}

func (l *load) call(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, outcomeWithin)
	defer cancel()
	l.mu.Lock()
	noted := l.noting
	l.mu.Unlock()
	began := time.Now()
	err := l.arena.producer.Do(ctx, i)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !noted:
		l.ends = append(l.ends, time.Now())
	case err != nil:
		l.failed++
	default:
		l.took = append(l.took, took)
	}
}

// finishedIn counts the callers that were served in the last so long.
func (l *load) finishedIn(d time.Duration) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := time.Now().Add(-d)
	for i := len(l.ends) - 1; i >= 0 && l.ends[i].After(after); i-- {
		n++
	}
	return n
}

// note has those written down that come from now on.
func (l *load) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noting = true
}

// end waits for those that are still there.
func (l *load) end() ([]time.Duration, int) {
	l.callers.Wait()
	return l.took, l.failed
}
