package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	testPause = 8 * time.Second
	slowCall  = 4 * time.Second
)

// TestBindsPauseWhenRedisLostData: Redis is killed while calls are out, and comes back as it was
// before they were noted. No bind leaves until those calls are over, all of them are told, and then
// all goes on by itself.
func TestBindsPauseWhenRedisLostData(t *testing.T) {
	t.Parallel()
	const out, later = 4, 6 // out at once: as many as the queue of binds has calls
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	producer := queuetest.On(t, server.AppClient(t))
	var ids []string
	for i := range out + later {
		id := fmt.Sprint("k", i)
		if _, err := tasks.BindAXN.Enqueue(t.Context(), producer, bindRequest(), tasks.TaskID(id)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	before := server.Copy(t) // nothing is noted yet
	events := newEvents()
	pausing := quick
	pausing.lossPause = testPause
	s := newWorkerHarnessOn(t, server, pausing, dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: slowCall}},
	}, func(c *Config) { c.Trace = events.trace() })
	waiting := waitAll(t, s.queue, ids)
	redistest.Poll(t, outcomeWithin, "calls to be out", func(context.Context) error {
		if n := s.calls("BindAxn"); n < out {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	calls := s.calls("BindAxn")
	server.RestartFrom(t, before)
	restarted := time.Now()
	s.logged(t, "Redis lost data (restart or failover)")
	noticed := time.Since(restarted)
	if n := s.calls("BindAxn"); n != calls {
		t.Errorf("%d calls left before it was noticed", n-calls)
	}
	redistest.Poll(t, outcomeWithin, "the next call", func(context.Context) error {
		if s.calls("BindAxn") == calls {
			return errors.New("none yet")
		}
		return nil
	})
	paused := time.Since(restarted)
	waiting.Wait()
	for _, id := range ids {
		if o := s.outcome(t, id); o.State != tasks.StateSucceeded {
			t.Errorf("%s is %s %s", id, o.State, o.Code)
		}
	}
	t.Logf("noticed within %s, binds paused for %s, all over after %s; %d calls were out", noticed.Round(time.Millisecond),
		paused.Round(time.Millisecond), time.Since(restarted).Round(time.Millisecond), calls)
	if paused < testPause-time.Second {
		t.Errorf("binds paused for %s only, want %s", paused, testPause)
	}
	if n := s.performed("BindAxn"); n != len(ids) {
		t.Errorf("%d binds took effect for %d tasks", n, len(ids))
	}
	if n := events.all()["data lost"]; n != 1 {
		t.Errorf("it was told %d times", n)
	}
	if n := strings.Count(s.log.String(), "Redis lost data (restart or failover)"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
	s.logged(t, "binds resumed")
	s.everythingIsBack(t)
}

// everythingIsBack checks what is written once, or by others: queue names, subscriptions, and what
// the rate limiter knows.
func (s *workerHarness) everythingIsBack(t *testing.T) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "names, subscriptions and quotas", func(ctx context.Context) error {
		names, err := s.redis.SMembers(ctx, "asynq:queues").Result()
		if err != nil || len(names) < len(dispatch.Queues()) {
			return fmt.Errorf("queues %q: %w", names, err)
		}
		for _, channel := range []string{quota.Channel(s.redis), breakers.Channel(s.redis)} {
			if n := s.redis.PubSubNumSub(ctx, channel).Val()[channel]; n != 1 {
				return fmt.Errorf("%d subscribe to %s", n, channel)
			}
		}
		if quotas := s.redis.Keys(ctx, "dypls:quota*").Val(); len(quotas) == 0 {
			return errors.New("no quota")
		}
		return nil
	})
}

// waitAll waits for outcomes by a subscription that is made now.
func waitAll(t *testing.T, queue *tasks.Queue, ids []string) *sync.WaitGroup {
	t.Helper()
	var waiting sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 2*outcomeWithin)
	t.Cleanup(cancel)
	waiting.Go(func() {
		told := 0
		if err := queue.WaitAll(ctx, ids, func(tasks.Outcome) { told++ }); err != nil {
			t.Errorf("whoever waited since before was told %d of %d outcomes: %v", told, len(ids), err)
		}
	})
	return &waiting
}

// TestRestartWithoutLoss: a Redis that forgot nothing pauses nobody.
func TestRestartWithoutLoss(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newWorkerHarnessOn(t, server, quick, dyplstest.Config{}, nil)
	s.bind(t, "before")
	s.outcome(t, "before")
	server.Kill()
	server.Restart(t)
	s.bind(t, "after")
	if o := s.outcome(t, "after"); o.State != tasks.StateSucceeded {
		t.Errorf("%s %s", o.State, o.Code)
	}
	s.logged(t, "no data loss detected")
	if log := s.log.String(); strings.Contains(log, "less than it had") {
		t.Errorf("it is said to have forgotten:\n%s", log)
	}
}
