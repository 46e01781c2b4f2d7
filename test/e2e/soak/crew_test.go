package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// soakCrew are workers, of which the first is never restarted: what grows slowly shows there.
type soakCrew struct {
	system *systemtest.System
	rng    *rand.Rand

	mu            sync.Mutex
	members       [soakWorkers]soakMember
	killed, ended int
}

type soakMember struct {
	process *systemtest.Process
	url     string // of its metrics
	since   time.Time
}

func startCrew(t *testing.T, s *systemtest.System, seed uint64) *soakCrew {
	t.Helper()
	c := &soakCrew{system: s, rng: rand.New(rand.NewPCG(seed, 2))}
	for i := range c.members {
		c.hire(t, i)
	}
	return c
}

func (c *soakCrew) hire(t *testing.T, i int) {
	t.Helper()
	p, url := c.system.ObservedWorker(t)
	redistest.Poll(t, systemtest.StartWithin, "the worker to be up", p.Wrote("performing tasks"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[i] = soakMember{p, url, time.Now()}
}

func (c *soakCrew) member(i int) soakMember {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[i]
}

// restart restarts them at random times until it is stopped.
func (c *soakCrew) restart(t *testing.T, most time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var restarting sync.WaitGroup
	restarting.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(most/4 + time.Duration(c.rng.Int64N(int64(3*most/4)))):
			}
			c.replace(t, 1+c.rng.IntN(soakWorkers-1), c.rng.IntN(2) == 0) //nolint:contextcheck // it is not left half done
		}
	})
	stop = sync.OnceFunc(func() { cancel(); restarting.Wait() })
	t.Cleanup(stop)
	return stop
}

// replace ends a worker, as a crash does or as an operator does, and starts another.
func (c *soakCrew) replace(t *testing.T, i int, crash bool) {
	t.Helper()
	old := c.member(i).process
	if crash {
		_ = old.Cmd.Process.Signal(syscall.SIGKILL)
		<-old.Done
		c.killed++
	} else {
		_ = old.Cmd.Process.Signal(syscall.SIGTERM)
		<-old.Done
		if status := old.Cmd.ProcessState.ExitCode(); status != systemtest.StatusOK {
			t.Errorf("a worker that was told to end has exit status %d", status)
		}
		c.ended++
	}
	c.hire(t, i)
}
