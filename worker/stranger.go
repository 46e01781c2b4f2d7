package worker

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

const (
	// strangerAgain is about when a task whose account is not known here is offered again: to any worker, one that knows it among them.
	strangerAgain = 15 * time.Second
	// strangerReason begins what a dashboard shows of such a task; the account's name follows.
	strangerReason = "its worker does not know the account "
	// strangersMost is how many accounts are kept in mind that nobody knows here: their names come from whoever enqueues.
	strangersMost = 100
)

// strangers are the accounts that tasks have named and this worker does not know.
type strangers struct {
	worker *Worker
	mu     *sync.Mutex
	seen   map[string]time.Time // when a task of the account was last held
	noted  map[string]time.Time // when others were last told
}

func newStrangers(w *Worker) strangers {
	return strangers{worker: w, mu: &sync.Mutex{}, seen: map[string]time.Time{}, noted: map[string]time.Time{}}
}

// met says once of each account that its tasks are held, and lets others know now and then.
func (s strangers) met(ctx context.Context, name string) {
	now := time.Now()
	s.mu.Lock()
	_, known := s.seen[name]
	if !known && len(s.seen) >= strangersMost {
		s.mu.Unlock()
		return
	}
	s.seen[name] = now
	tell := now.Sub(s.noted[name]) > refreshEvery
	if tell {
		s.noted[name] = now
	}
	s.mu.Unlock()
	if !known {
		s.worker.log.Error().Str("account", name).Msg("tasks of an account that this worker does not know: they are held in the queue for one that does, " +
			"until their time is over; name the account to a worker, as in dyplsq worker --account")
	}
	if tell {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		_ = presence.Missing(ctx, s.worker.config.client, name)
	}
}

// recent are those of whom a task was held lately.
func (s strangers) recent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, at := range s.seen {
		if time.Since(at) < presence.Fresh {
			names = append(names, name)
		}
	}
	return names
}

// leaveToOthers holds a task whose account this worker does not know: no call of it leaves here, whatever it is for. One that is
// settled, or whose time is over, goes on and gets its end.
func (d *delivery) leaveToOthers(ctx context.Context) error {
	d.worker.accounts.strangers.met(ctx, d.of)
	glance, err := d.worker.records.Glance(ctx, d.id)
	switch {
	case err != nil:
		return later(redisAway, "redis is out of reach")
	case glance.State == "" || glance.State.Told() || isOver(glance.Deadline):
		return d.proceed(ctx)
	}
	return later(notBeyond(glance.Deadline, d.worker.strangerPause()), strangerReason+d.of)
}

func (w *Worker) strangerPause() time.Duration {
	pause := cmp.Or(w.timing.strangerAgain, strangerAgain)
	return pause/2 + rand.N(pause) //nolint:gosec,mnd // spreads load; guards nothing
}
