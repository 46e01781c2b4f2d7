package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/lossguard"
)

// TestAppendOnlyFileCutShort: Redis is killed while calls are out, its append-only file has lost
// its end, in the middle of a command, and Redis loads the rest without a word to its clients, as
// aof-load-truncated says by default. No bind takes effect twice, and what is lost is told: to the
// log, and to whoever waits for a task that is gone.
func TestAppendOnlyFileCutShort(t *testing.T) { //nolint:gocognit // one story, told in its order
	t.Parallel()
	const out = 4 // as many as the queue of binds has calls
	first := []string{"early0", "early1", "early2", "early3", "early4", "early5", "early6", "early7"}
	second := []string{"late0", "late1", "late2"}
	all := slices.Concat(first, second)
	for name, test := range map[string]struct {
		keep func(before, now int64) int64
		gone []string // in any case
	}{
		"by some bytes":            {keep: func(_, now int64) int64 { return now - 7 }},
		"back to before the calls": {keep: func(before, _ int64) int64 { return before + 7 }, gone: second},
		"in its first command":     {keep: func(int64, int64) int64 { return 11 }, gone: slices.Concat(first, second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always", "--aof-load-truncated", "yes")
			producer := queuetest.On(t, server.AppClient(t))
			enqueue := func(ids ...string) {
				t.Helper()
				for _, id := range ids {
					if _, err := tasks.BindAXN.Enqueue(t.Context(), producer, bindRequest(), tasks.TaskID(id)); err != nil {
						t.Fatal(err)
					}
				}
			}
			enqueue(first...)
			before := server.Logged(t) // nothing is noted yet
			pausing := quick
			pausing.lossPause = testPause
			held := &heldAnswers{open: make(chan struct{})}
			s := newWorkerHarnessOn(t, server, pausing, dyplstest.Config{}, func(c *Config) { held.Caller, c.Caller = c.Caller, held })
			answer := sync.OnceFunc(func() { close(held.open) })
			t.Cleanup(answer)
			redistest.Poll(t, outcomeWithin, "calls to be out", func(context.Context) error {
				if n := s.calls("BindAxn"); n < out {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			enqueue(second...)
			s.awaitLossCounter(t, 3) // what is written last is the worker's own counting
			server.RestartCutShort(t, test.keep(before, server.Logged(t)))
			answer()

			told := s.tell(t, all)
			if len(test.gone) > 0 {
				s.logged(t, "Redis lost data (restart or failover)")
			}
			var again []string
			for id, state := range told {
				if state == tasks.StateUnknown {
					again = append(again, id)
				}
			}
			for _, id := range test.gone {
				if !slices.Contains(again, id) {
					t.Errorf("%s is lost, and told as %s", id, told[id])
				}
			}
			forgotten := s.forgotten(t, out, slices.Contains(test.gone, first[0]))
			enqueue(again...) // as docs/operations.md says: under the same keys
			for id, state := range s.tell(t, all) {
				if state != tasks.StateSucceeded {
					t.Errorf("%s is %s in the end", id, state)
				}
			}
			for _, id := range all {
				if n, want := s.effects(id), 1+forgotten[id]; n != want {
					t.Errorf("%s took effect %d times, want %d: once, and once more where the log says that it was forgotten", id, n, want)
				}
			}
			t.Logf("%d of %d tasks were lost, and told as unknown; %d of them had taken effect, which is told", len(again), len(all), len(forgotten))
		})
	}
}

// heldAnswers is a caller whose binds are answered when it is opened.
type heldAnswers struct {
	dypls.Caller
	open chan struct{}
}

// Call implements [dypls.Caller].
func (h *heldAnswers) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	answer, err := h.Caller.Call(ctx, call)
	if call.Action == dypls.BindAXN.Action {
		<-h.open
	}
	return answer, err
}

// forgotten waits until the log has told of as many calls that took effect as were out, where their
// tasks are lost, and returns them.
func (s *workerHarness) forgotten(t *testing.T, out int, lost bool) map[string]int {
	t.Helper()
	told := map[string]int{}
	if !lost {
		return told
	}
	redistest.Poll(t, outcomeWithin, "the calls that were out to be told", func(context.Context) error {
		clear(told)
		for line := range strings.Lines(s.log.String()) {
			var entry struct {
				ID      string `json:"id"`
				SubsID  string `json:"subs_id"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				return err
			}
			if strings.Contains(entry.Message, "Redis lost its task") && entry.SubsID != "" {
				told[entry.ID]++
			}
		}
		if len(told) < out {
			return fmt.Errorf("%d of %d", len(told), out)
		}
		return nil
	})
	return told
}

// effects counts how often a bind took effect.
func (s *workerHarness) effects(id string) (n int) {
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.Parameters["OutId"] == id {
			n++
		}
	}
	return n
}

// awaitLossCounter waits until the worker has counted up so many times more.
func (s *workerHarness) awaitLossCounter(t *testing.T, times int64) {
	t.Helper()
	counted := func(ctx context.Context) int64 { n, _ := s.redis.HGet(ctx, lossguard.Key, "raised").Int64(); return n }
	from := counted(t.Context())
	redistest.Poll(t, outcomeWithin, "the loss counter to be raised", func(ctx context.Context) error {
		if n := counted(ctx); n < from+times {
			return fmt.Errorf("%d times", n-from)
		}
		return nil
	})
}

// tell waits until it is told what came of each task.
func (s *workerHarness) tell(t *testing.T, ids []string) map[string]tasks.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	told := map[string]tasks.State{}
	started := time.Now()
	if err := s.queue.WaitAll(ctx, ids, func(o tasks.Outcome) { told[o.ID] = o.State }); err != nil {
		t.Fatalf("%d of %d are told after %s: %v", len(told), len(ids), time.Since(started), err)
	}
	return told
}
