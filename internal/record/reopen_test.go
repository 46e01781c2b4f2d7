package record_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func (s server) reopen(t *testing.T, id string, want record.State) {
	t.Helper()
	if found, err := s.store.Reopen(t.Context(), id, "ops"); err != nil || found != want {
		t.Errorf("reopen %s: %q, %v, want %q", id, found, err, want)
	}
}

// Only what failed is opened again: with all its attempts, without its time to live, and told twice
// it is opened once.
func TestReopen(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "failed")
		fence := s.call(t, "failed", "run-1").Fence
		s.finish(t, record.Ending{ID: "failed", Fence: fence, State: record.Failed, Code: "isv.X", Counts: true, Sent: true})
		s.reopen(t, "failed", record.Queued)
		s.reopen(t, "failed", record.Queued)
		if ttl := s.client.TTL(t.Context(), record.Key("failed")).Val(); ttl != -1 {
			t.Errorf("it lives for %s", ttl)
		}
		if begun := s.call(t, "failed", "run-2"); begun.Attempt != 1 || begun.Call != 2 || string(begun.Request) == "" {
			t.Errorf("%+v", begun)
		}
		if by := s.field(t, "failed", "reopened_by"); by != "ops" {
			t.Errorf("reopened by %q", by)
		}
		s.reopen(t, "failed", record.Calling)

		s.reopen(t, "nobody", "")
		s.create(t, "new")
		s.reopen(t, "new", record.Queued)
		s.hold(t, "held")
		s.reopen(t, "held", record.Uncertain)

		s.hold(t, "retried")
		s.resolve(t, resolved("retried", record.Queued), record.Uncertain, 2)
		begun := s.call(t, "retried", "run-9")
		s.finish(t, record.Ending{ID: "retried", Fence: begun.Fence, State: record.Failed, Counts: true, Sent: true})
		s.reopen(t, "retried", record.Queued)
		s.resolve(t, resolved("retried", record.Queued), record.Queued, 0) // that was another time
	})
}

// A binding that was told to be undone stays a surplus, also when its success is told once more
// after the task was opened again.
func TestSurplusOutlivesReopen(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		fence := s.hold(t, "order")
		s.resolve(t, resolved("order", record.Failed), record.Uncertain, 0)
		late := record.Ending{ID: "order", Fence: fence, State: record.Succeeded, SubsID: "1000", Surplus: func() []byte { return []byte(`{}`) }}
		for range 2 {
			if verdict := s.finish(t, late); verdict != record.Surplus {
				t.Errorf("a late answer: %s", verdict)
			}
			s.reopen(t, "order", record.Queued)
		}
	})
}

// TestRunsAgainBeforeItWasTold: a task that is let run again before its outcome was told stays in
// the index: whoever tells the outcome takes out an entry.
func TestRunsAgainBeforeItWasTold(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(t *testing.T, s server) (settle, letRun func()){
		"failed": func(t *testing.T, s server) (settle, letRun func()) {
			t.Helper()
			return func() {
				s.create(t, "k")
				s.finish(t, rejected("k", s.call(t, "k", "run").Fence))
			}, func() { s.reopen(t, "k", record.Queued) }
		},
		"uncertain": func(t *testing.T, s server) (settle, letRun func()) {
			t.Helper()
			return func() { s.hold(t, "k") }, func() {
				s.resolve(t, resolved("k", record.Queued), record.Uncertain, 2)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onOneServer(t)
			worker := s
			var teller *record.Teller
			teller, worker.store = record.NewTeller(s.store)
			settle, _ := again(t, worker)
			_, letRun := again(t, s) // by another process
			settle()
			var letting, telling sync.WaitGroup
			letting.Go(letRun)
			redistest.Poll(t, time.Minute, "who lets it run to see that it was not told", func(context.Context) error {
				if redistest.Calls(t, s.client, "zscore") == 0 { //nolint:contextcheck // the test's own
					return errors.New("not yet")
				}
				return nil
			})
			ctx, stop := context.WithCancel(t.Context())
			telling.Go(func() { teller.Run(ctx) })
			letting.Wait()
			stop()
			telling.Wait()
			if told := s.told(t); len(told) != 1 {
				t.Errorf("told %q", told)
			}
			if _, is := s.indexed(t)["k"]; !is {
				t.Error("it is not in the index")
			}
		})
	}
}

// TestRunsAgainAlthoughNobodyTold: who was to tell the outcome has died; the
// task runs again all the same.
func TestRunsAgainAlthoughNobodyTold(t *testing.T) {
	t.Parallel()
	s := onOneServer(t)
	dead := s
	_, dead.store = record.NewTeller(s.store)
	dead.create(t, "k")
	dead.finish(t, rejected("k", dead.call(t, "k", "run").Fence))
	s.reopen(t, "k", record.Queued)
	if _, is := s.indexed(t)["k"]; !is {
		t.Error("it is not in the index")
	}
}

// TestOlderOutcomeIsNotToldForTheNewOne: the reply to a failure was lost, and the task was let run
// again and canceled before the worker sent that failure once more. What the record says now is
// left for who has to tell it.
func TestOlderOutcomeIsNotToldForTheNewOne(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		older := rejected("k", s.call(t, "k", "run").Fence)
		s.finish(t, older)
		s.reopen(t, "k", record.Queued)
		_, canceling := record.NewTeller(s.store) // that dies before it tells
		if _, err := canceling.Cancel(t.Context(), "k", keep); err != nil {
			t.Fatal(err)
		}
		told := len(s.told(t))
		if verdict := s.finish(t, older); verdict != record.Again {
			t.Errorf("the older one, once more: %s", verdict)
		}
		if now := len(s.told(t)); now != told {
			t.Errorf("it was told: %d outcomes, %d before", now, told)
		}
		if _, is := s.indexed(t)["k"]; !is {
			t.Error("nobody will tell that it was canceled: it is not in the index")
		}
	})
}
