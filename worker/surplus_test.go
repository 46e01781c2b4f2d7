package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// stalls keeps the first answer of a bind from the worker until it is let go: a process that stops
// between answer and finish.
type stalls struct {
	dypls.Caller

	done atomic.Bool
	held chan struct{} // closed when the answer is there
	free chan struct{}
}

// Call implements [dypls.Caller].
func (c *stalls) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	answer, err := c.Caller.Call(ctx, call)
	if call.Action == "BindAxn" && c.done.CompareAndSwap(false, true) {
		close(c.held)
		<-c.free
	}
	return answer, err
}

// newStalledHarness stalls the first bind, whose claim lapses then, and returns what lets its
// answer go.
func newStalledHarness(t *testing.T, simulated dyplstest.Config, policy OnUncertain, request dypls.BindAXNRequest, change ...func(*Config)) (s *workerHarness, release func()) {
	t.Helper()
	caller := &stalls{held: make(chan struct{}), free: make(chan struct{})}
	release = sync.OnceFunc(func() { close(caller.free) })
	told := newEvents()
	short := timing{claimLease: 2 * time.Second, reconcileAfter: 100 * time.Millisecond, verifyAgainAfter: 200 * time.Millisecond}
	s = newTimedWorkerHarness(t, short, simulated, func(c *Config) {
		caller.Caller, c.Caller, c.OnUncertain, c.Trace = c.Caller, caller, policy, told.trace()
		for _, change := range change {
			change(c)
		}
	})
	s.events = told
	t.Cleanup(release) // before the worker drains
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("k")); err != nil {
		t.Fatal(err)
	}
	<-caller.held
	client := asynq.NewClientFromRedisClient(s.redis)
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", []byte(`{"v":1,"id":"k"}`)), asynq.Queue("bind"), asynq.TaskID("k.2")); err != nil {
		t.Fatal(err)
	}
	return s, release
}

// bound is the SubsId of each bind that was performed, in order.
func (s *workerHarness) bound() (ids []string) {
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.Action == "BindAxn" {
			ids = append(ids, e.SubsID)
		}
	}
	return ids
}

// TestSurplusIsUnbound: the answer of a stalled run comes when another has bound anew. What the
// owner was told stays; the other binding is removed by a task of its own.
func TestSurplusIsUnbound(t *testing.T) {
	t.Parallel()
	s, release := newStalledHarness(t, dyplstest.Config{}, UncertainRetry, bindRequest())
	o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 2, 2, 0})
	bound := s.bound()
	if left := s.bindings(t, o); len(left) != 2 {
		t.Fatalf("bound are %v", left)
	}
	release()
	s.logged(t, "surplus binding; unbinding it")
	if n := s.events.all()["surplus k BindAxn"]; n != 1 {
		t.Errorf("the trace was told %d times", n)
	}
	undo := s.awaited(t, reaper.SurplusTask("", bound[0]))
	if undo.State != tasks.StateSucceeded || undo.Action != "UnbindSubscription" || s.calls("UnbindSubscription") != 1 {
		t.Errorf("%s of %s after %d calls", undo.State, undo.Action, undo.Calls)
	}
	if left := s.bindings(t, s.outcome(t, "k")); len(left) != 1 || left[0] != bound[1] {
		t.Errorf("bound are %v, want the second of %v", left, bound)
	}
	if again := s.outcome(t, "k"); string(again.Result) != string(o.Result) {
		t.Errorf("the owner was told %s, and now %s", o.Result, again.Result)
	}
}

// TestFoundIsNoSurplus: the answer of a stalled run comes when another has found the very same
// binding.
func TestFoundIsNoSurplus(t *testing.T) {
	t.Parallel()
	s, release := newStalledHarness(t, dyplstest.Config{}, UncertainHold, named())
	o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 1})
	release()
	redistest.Poll(t, outcomeWithin, "the stalled run to end", func(ctx context.Context) error {
		if n := s.redis.LLen(ctx, "asynq:{bind}:active").Val(); n != 0 {
			return errors.New("a delivery is active")
		}
		return nil
	})
	if left := s.bindings(t, s.outcome(t, "k")); len(left) != 1 || string(s.outcome(t, "k").Result) != string(o.Result) {
		t.Errorf("bound are %v", left)
	}
	if outcomes, err := s.queue.Outcomes(t.Context(), reaper.SurplusTask("", s.bound()[0])); err != nil || outcomes[0].State != tasks.StateUnknown {
		t.Errorf("something is to be unbound: %+v, %v", outcomes, err)
	}
	if n := s.calls("UnbindSubscription"); n != 0 {
		t.Errorf("%d calls to unbind", n)
	}
}

// TestSuccessAfterTheFailureWasTold: the owner was told that nothing is bound, so nothing may stay
// bound.
func TestSuccessAfterTheFailureWasTold(t *testing.T) {
	t.Parallel()
	// a list that never shows it
	s, release := newStalledHarness(t, dyplstest.Config{ListDelay: time.Hour}, UncertainHold, named())
	s.expectOutcome(t, "k", wantOutcome{tasks.StateFailed, "isv.BIND_CONFLICT", 2, 1, 4})
	release()
	if undo := s.awaited(t, reaper.SurplusTask("", s.bound()[0])); undo.State != tasks.StateSucceeded {
		t.Errorf("the surplus: %+v", undo)
	}
	if left := s.simulator.Bindings(); len(left) != 0 {
		t.Errorf("%d are bound", len(left))
	}
}

// TestLateAnswerSettlesWhatIsHeld: nobody could tell what came of the bind, until its answer turns
// up.
func TestLateAnswerSettlesWhatIsHeld(t *testing.T) {
	t.Parallel()
	s, release := newStalledHarness(t, dyplstest.Config{}, UncertainHold, bindRequest())
	s.expectOutcome(t, "k", wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 1, 0})
	release()
	redistest.Poll(t, outcomeWithin, "the late answer to be told", func(context.Context) error {
		if o := s.outcome(t, "k"); o.State != tasks.StateSucceeded { //nolint:contextcheck // the test's own
			return errors.New(string(o.State))
		}
		return nil
	})
	if left := s.bindings(t, s.outcome(t, "k")); len(left) != 1 || s.calls("UnbindSubscription") != 0 {
		t.Errorf("bound are %v", left)
	}
}

// awaited waits for the outcome of a task that is not enqueued yet.
func (s *workerHarness) awaited(t *testing.T, id string) tasks.Outcome {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the task "+id, func(ctx context.Context) error {
		_, err := s.queue.Outcome(ctx, id)
		return err
	})
	return s.outcome(t, id)
}
