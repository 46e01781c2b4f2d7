package crash

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// frozenPair brings a bind that names its X, and then one that does not, to a gate, in a worker of
// their own: had they shared a pipeline, the first would hold up the second.
func frozenPair(t *testing.T, when moment, at step) (*systemtest.System, *systemtest.Process, []*gate) {
	t.Helper()
	s := systemtest.New(t, dyplstest.Config{Pools: systemtest.TwoPools(2)})
	proxy := startFaultProxy(t, s.Redis)
	gates := []*gate{proxy.hold(when, at, "named"), proxy.hold(when, at, "chosen")}
	victim := systemtest.Start(t, proxy.through(s.Env), "worker")
	redistest.Poll(t, systemtest.StartWithin, "the victim to be up", victim.Wrote("performing tasks"))
	for i, line := range []string{systemtest.NamedBind(0, `,"TaskID":"named"`), systemtest.Bind(1, `,"TaskID":"chosen"`)} {
		s.EnqueueBatch(t, "BindAxn", line)
		gates[i].await(t)
	}
	victim.Freeze(t)
	return s, victim, gates
}

// TestFrozenBeforeFinish freezes a worker that has its answers and has not written them down, until
// another one has taken over.
//
// Invariant: what the other one found is not undone when the first one wakes: one binding each, the
// same all along, nothing unbound; and what nobody could find is uncertain until the late answer
// settles it as succeeded.
func TestFrozenBeforeFinish(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a claim of 20 s to lapse")
	}
	s, victim, gates := frozenPair(t, beforeRequest, stepFinish)
	frozen := time.Now()
	s.Worker(t)
	before := settledAfter(t, s, frozen, "named", "chosen")
	if o := before["named"]; o.State != tasks.StateSucceeded {
		t.Errorf("with X named, another worker settled it as %s %s", o.State, o.Code)
	}
	if o := before["chosen"]; o.State != tasks.StateUncertain {
		t.Errorf("with X left to the platform, another worker settled it as %s %s", o.State, o.Code)
	}
	victim.Thaw(t)
	for _, g := range gates {
		g.release(t)
	}
	redistest.Poll(t, systemtest.StartWithin, "the late answer to settle it", func(context.Context) error {
		if o := s.Outcome(t, "chosen", "1ms"); o.State != tasks.StateSucceeded { //nolint:contextcheck // it has a deadline of its own
			return fmt.Errorf("it is %s", o.State)
		}
		return nil
	})
	// all that it had to say is said
	if status := victim.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
		t.Errorf("the victim's exit status is %d", status)
	}
	s.EachOnce(t, []tasks.Outcome{s.Outcome(t, "named", "1ms"), s.Outcome(t, "chosen", "1ms")})
	for _, id := range []string{"named", "chosen"} {
		if o, done := s.Outcome(t, id, "1ms"), s.Performed(id); len(done) == 1 && !strings.Contains(string(o.Result), done[0].SubsID) {
			t.Errorf("%s: its result is not the ledger's", id)
		}
	}
	s.NothingUnbound(t)
	t.Logf("surplus %d; X named: found %.0f s after the freeze; X left to the platform: uncertain after %.0f s, succeeded when the worker woke",
		s.Surplus(), before["named"].after.Seconds(), before["chosen"].after.Seconds())
}

// TestFrozenBeforeCall freezes a worker that has leave to call and has not called: for a moment
// longer than a call may be old, and until another worker has taken over.
//
// Invariant: what wakes sends nothing. After the moment, it asks for leave again: one call each.
// After the takeover, the only call is the other worker's, and there is none for what is uncertain.
func TestFrozenBeforeCall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("freezes a worker")
	}
	t.Run("for a moment", func(t *testing.T) {
		t.Parallel()
		const age = 2200 * time.Millisecond // the first byte must leave within 2 s
		s, victim, gates := frozenPair(t, beforeReply, stepBegin)
		frozen := time.Now()
		for _, g := range gates {
			g.release(t)
		}
		redistest.Poll(t, systemtest.StartWithin, "the leave to grow old", systemtest.Passes(age, frozen))
		victim.Thaw(t)
		settled := settledAfter(t, s, frozen, "named", "chosen")
		s.EachOnce(t, []tasks.Outcome{settled["named"].Outcome, settled["chosen"].Outcome})
		calls := s.BindCalls()
		if calls != 2 {
			t.Errorf("%d calls for 2 binds", calls)
		}
		for id := range settled {
			if !heldBack(victim, id) {
				t.Errorf("%s: the call left %s after it was noted", id, age)
			}
		}
		t.Logf("surplus %d, %d calls for 2 binds, settled after %.0f s; not sent for their age: %d",
			s.Surplus(), calls, latest(settled).Seconds(), strings.Count(victim.Text(), dypls.CodeNotSent))
	})
	t.Run("until another took over", func(t *testing.T) {
		t.Parallel()
		if !systemtest.WholeFaults() {
			t.Skip("takes a minute: make faults runs it")
		}
		s, victim, gates := frozenPair(t, beforeReply, stepBegin)
		frozen := time.Now()
		for _, g := range gates {
			g.release(t)
		}
		s.Worker(t)
		settled := settledAfter(t, s, frozen, "named", "chosen")
		victim.Thaw(t)
		// whatever it would send is sent
		if status := victim.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("the victim's exit status is %d", status)
		}
		s.EachOnce(t, []tasks.Outcome{s.Outcome(t, "named", "1ms")})
		if o := s.Outcome(t, "chosen", "1ms"); o.State != tasks.StateUncertain {
			t.Errorf("with X left to the platform it is %s %s", o.State, o.Code)
		}
		calls := s.BindCalls()
		if calls != 1 {
			t.Errorf("%d calls, want the other worker's alone", calls)
		}
		s.NothingUnbound(t)
		t.Logf("surplus %d, uncertain 1, %d call by the other worker, settled after %.0f s", s.Surplus(), calls, latest(settled).Seconds())
	})
}

// heldBack tells whether a worker did not send a call because of its age, or asked for leave again
// because it did not hear the first one.
func heldBack(p *systemtest.Process, id string) bool {
	for line := range systemtest.Lines(p.Text()) {
		if strings.Contains(line, strconv.Quote(id)) && (strings.Contains(line, dypls.CodeNotSent) || strings.Contains(line, `"step":"begin"`)) {
			return true
		}
	}
	return false
}

// TestFrozenUnderLoad freezes a worker with calls out for 70 s, longer than asynq's own lease and
// its grace.
//
// Invariant: each bind names its X, and takes effect once.
func TestFrozenUnderLoad(t *testing.T) {
	t.Parallel()
	if !systemtest.WholeFaults() {
		t.Skip("takes two minutes: make faults runs it")
	}
	const jobs, frozenFor = 100, 70 * time.Second
	s := systemtest.New(t, dyplstest.Config{
		Pools:  systemtest.TwoPools(jobs),
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: time.Second, Performed: true}},
	})
	s.EnqueueBatch(t, "BindAxn", systemtest.NamedJobs(jobs))
	victim := systemtest.Start(t, s.Env, "worker", "--concurrency", "16")
	redistest.Poll(t, systemtest.StartWithin, "the victim to be at work", s.IsOut("job-0"))
	other := systemtest.Start(t, s.Env, "worker", "--concurrency", "16")
	redistest.Poll(t, systemtest.StartWithin, "the other worker to be up", other.Wrote("performing tasks"))
	victim.Freeze(t)
	frozen, out := time.Now(), unanswered(s)
	redistest.Poll(t, 2*frozenFor, "the freeze to be over", systemtest.Passes(frozenFor, frozen))
	victim.Thaw(t)
	outcomes := s.Settled(t, jobs, settledAfterKill)
	for _, w := range []*systemtest.Process{victim, other} {
		if status := w.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("a worker's exit status is %d", status)
		}
	}
	s.EachOnce(t, outcomes)
	s.NothingUnbound(t)
	t.Logf("%d binds, %d calls out when the worker froze for %s: surplus %d", jobs, out, frozenFor, s.Surplus())
}
