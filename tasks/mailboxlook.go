package tasks

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// What is waited for is looked at again after so long, then after twice as long, and so on,
	// although nobody has told of it.
	firstDoubt, mostDoubt = 2 * time.Second, 30 * time.Second
	// lookEvery is how often that is done at most, for all who wait together.
	lookEvery = time.Second
	// lookWithin bounds one round trip of it. What could not be read is looked at next time.
	lookWithin = 5 * time.Second
)

// look wakes those whose task has an outcome or is recorded no longer. It asks for everybody
// together, and hands nothing over itself: a node that is away holds up nobody but those who wait
// for what it has.
func (m *mailbox) look() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-m.news:
		case <-tick.C:
		}
		for trip := range slices.Chunk(m.inDoubt(time.Now()), recordsPerTrip) {
			m.lookAt(trip)
		}
	}
}

func (m *mailbox) lookAt(ids []string) {
	ctx, cancel := context.WithTimeout(m.ctx, lookWithin)
	defer cancel()
	over, unread := m.records.Over(ctx, ids...)
	m.wake(over...)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unread = append(m.unread, unread...)
}

// inDoubt returns what is to be looked at now: what a line may have missed, what has been waited
// for long enough, and what could not be read last time.
func (m *mailbox) inDoubt(now time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := map[string]struct{}{}
	for _, id := range m.unread {
		if m.watchers[id] != nil {
			ids[id] = struct{}{}
		}
	}
	missed := m.missed
	m.unread, m.missed = nil, map[string]bool{}
	for w := range m.waiting {
		due := !now.Before(w.due) || missed[m.channel]
		if !now.Before(w.due) {
			w.pause = min(2*w.pause, mostDoubt)
			w.due = now.Add(w.pause)
		}
		for id := range w.ids {
			if due || len(missed) > 0 && missed[record.ShardChannel(id)] {
				ids[id] = struct{}{}
			}
		}
	}
	return slices.Collect(maps.Keys(ids))
}
