package crash

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// killPoint is a point of a task's way at which its worker, or its producer, is killed.
type killPoint struct {
	id   string
	what string

	when  moment // a gate, where there is a step
	step  step
	fault dyplstest.Fault // of the API, where there is none

	// whether the call took effect cannot be told by whoever comes next: a bind that names no X is
	// uncertain
	doubt bool
	brief bool // part of the short test, too
	// lateNamed: of a bind that names its X, two looks, 30 s apart, must find nothing, so that it is
	// part of the whole test alone
	lateNamed bool
}

// killPoints are in the order of the way. What is to be killed at is reached by one task that names
// X and one that does not.
var killPoints = []killPoint{
	{id: "a", what: "dequeued, the reply not delivered", when: beforeReply, step: stepDequeue},
	{id: "b", what: "dequeued, begin not sent", when: beforeRequest, step: stepBegin},
	{id: "c", what: "begin performed, the reply withheld", when: beforeReply, step: stepBegin, doubt: true, brief: true, lateNamed: true},
	{id: "d", what: "begin replied, no byte of the call sent", when: beforeReply, step: stepBegin, doubt: true},
	{id: "e", what: "call received, not performed", fault: dyplstest.Fault{Do: dyplstest.Hang}, doubt: true},
	{id: "f", what: "call performed, the answer withheld", fault: dyplstest.Fault{Do: dyplstest.Hang, Performed: true}, doubt: true, brief: true},
	{id: "g", what: "answered, finish not sent", when: beforeRequest, step: stepFinish, doubt: true, brief: true},
	{id: "h", what: "finish performed, the reply withheld", when: beforeReply, step: stepFinish},
	{id: "i", what: "finish replied, asynq's done not sent", when: beforeRequest, step: stepDone, brief: true},
	{id: "j", what: "asynq's done performed, the reply withheld", when: beforeReply, step: stepDone},
	{id: "k", what: "producer: recorded and handed to asynq, the reply withheld", when: beforeReply, step: stepEnqueue, brief: true},
}

const (
	// Its worker is frozen before the reply arrives, and so sends nothing before it is killed.
	frozenPoint   = "d"
	producerPoint = "k"
)

// victimTask is one task at one point.
type victimTask struct {
	killPoint

	id      string
	named   bool
	request string
	gate    *gate
}

// want is the outcome that is due.
func (v victimTask) want() tasks.State {
	if v.doubt && !v.named {
		return tasks.StateUncertain
	}
	return tasks.StateSucceeded
}

// victims are the tasks that are brought to a point.
func victims(point killPoint) []*victimTask {
	chosen := &victimTask{killPoint: point, id: point.id + "-chosen", request: systemtest.Bind(1, "")}
	if point.lateNamed && !systemtest.WholeFaults() {
		return []*victimTask{chosen}
	}
	return []*victimTask{{killPoint: point, id: point.id + "-named", named: true, request: systemtest.NamedBind(0, "")}, chosen}
}

// killFigures are what became of the binds of one point, or of many.
type killFigures struct {
	binds, points, surplus, uncertain int
	last                              time.Duration // after the kill
}

func (f *killFigures) add(more killFigures) {
	f.binds += more.binds
	f.points += more.points
	f.surplus += more.surplus
	f.uncertain += more.uncertain
	f.last = max(f.last, more.last)
}

// TestKillPoints holds one bind that names its X, and one that does not, at every point of a task's
// way, kills the worker that has them, and lets another one settle them.
//
// Invariant: a bind takes effect once at the most; its one outcome is succeeded, and the ledger's,
// or, where it names no X and nobody can tell whether the call took effect, uncertain; nothing is
// unbound.
func TestKillPoints(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a claim of 20 s to lapse")
	}
	var all killFigures
	var mu sync.Mutex
	var killing sync.WaitGroup
	for _, point := range killPoints { //nolint:paralleltest // all at once, however few tests may: they wait rather than work
		if !point.brief && !systemtest.WholeFaults() {
			continue
		}
		killing.Go(func() {
			t.Run(point.what, func(t *testing.T) {
				figures := killAt(t, point)
				mu.Lock()
				defer mu.Unlock()
				all.add(figures)
			})
		})
	}
	killing.Wait()
	t.Logf("%d binds at %d points: %d surplus, %d uncertain, the last settled %.0f s after the kill",
		all.binds, all.points, all.surplus, all.uncertain, all.last.Seconds())
}

// killAt has a point's binds settled by another worker, in a system of their own: what is held back
// at the proxy holds up whatever shares its connection, and that must not be what another point
// waits for.
func killAt(t *testing.T, point killPoint) killFigures {
	t.Helper()
	binds := victims(point)
	config := dyplstest.Config{Pools: systemtest.TwoPools(len(binds) + 1)}
	ids := make([]string, len(binds))
	for i, v := range binds {
		ids[i] = v.id
		if v.step == "" {
			fault := v.fault
			fault.Action, fault.Match, fault.Times = "BindAxn", map[string]string{"OutId": v.id}, 1
			config.Faults = append(config.Faults, fault)
		}
	}
	s := systemtest.New(t, config)
	proxy := startFaultProxy(t, s.Redis)
	for _, v := range binds {
		if v.step != "" {
			v.gate = proxy.hold(v.when, v.step, v.id)
		}
	}
	var killed time.Time
	if point.id == producerPoint {
		killed = killProducers(t, s, proxy, binds)
	} else {
		killed = killWorker(t, s, proxy, binds)
	}
	s.Worker(t)
	settled := settledAfter(t, s, killed, ids...)
	toldInStream(t, s, ids...)
	if systemtest.WholeFaults() {
		emptied(t, s, emptyAfterKill) // whatever is delivered once more does no harm either
	}
	figures := killFigures{binds: len(binds), points: 1, surplus: s.Surplus(), last: latest(settled)}
	for _, v := range binds {
		if settled[v.id].State == tasks.StateUncertain {
			figures.uncertain++
		}
		t.Run(v.id, func(t *testing.T) { judgeVictim(t, s, v, settled[v.id]) })
	}
	s.NothingUnbound(t)
	return figures
}

// killWorker brings one task after the other to its point, and kills the worker there.
func killWorker(t *testing.T, s *systemtest.System, proxy *faultProxy, binds []*victimTask) time.Time {
	t.Helper()
	worker := systemtest.Start(t, proxy.through(s.Env), "worker")
	redistest.Poll(t, systemtest.StartWithin, "the victim to be up", worker.Wrote("performing tasks"))
	for _, v := range binds {
		s.EnqueueBatch(t, "BindAxn", strings.Replace(v.request, "{", fmt.Sprintf(`{"TaskID":%q,`, v.id), 1)+"\n")
		if v.gate != nil {
			v.gate.await(t)
		} else {
			redistest.Poll(t, systemtest.StartWithin, "the call of "+v.id, isReceived(s, v.id))
		}
	}
	if binds[0].killPoint.id == frozenPoint { // only then may it have the leave to call
		worker.Freeze(t)
		for _, v := range binds {
			v.gate.release(t)
		}
	}
	killed := time.Now()
	worker.Kill(t)
	return killed
}

// killProducers kills those that have enqueued a task each, before they learn of it.
func killProducers(t *testing.T, s *systemtest.System, proxy *faultProxy, binds []*victimTask) time.Time {
	t.Helper()
	producers := make([]*systemtest.Process, len(binds))
	for i, v := range binds {
		producers[i] = systemtest.Start(t, proxy.through(s.Env), "enqueue", "BindAxn", v.request, "--id", v.id)
		v.gate.await(t)
	}
	killed := time.Now()
	for _, p := range producers {
		p.Kill(t)
	}
	return killed
}

func judgeVictim(t *testing.T, s *systemtest.System, v *victimTask, o settledTask) {
	t.Helper()
	performed := s.Performed(v.id)
	t.Logf("%s (%s): %s after %.0f s, %d calls, performed %d times", v.id, v.what, o.State, o.after.Seconds(), o.Calls, len(performed))
	if o.State != v.want() {
		t.Errorf("it is %s %s, want %s", o.State, o.Code, v.want())
	}
	if len(performed) > 1 {
		t.Errorf("it took effect %d times", len(performed))
	}
	if o.State == tasks.StateSucceeded && (len(performed) == 0 || !strings.Contains(string(o.Result), strconv.Quote(performed[0].SubsID))) {
		t.Error("its result is not the ledger's")
	}
	if now := s.Outcome(t, v.id, "1ms"); now.State != o.State || string(now.Result) != string(o.Result) {
		t.Errorf("its outcome was %s, and is %s", o.State, now.State)
	}
	if v.killPoint.id == frozenPoint && !v.named && len(performed) != 0 {
		t.Error("it took effect, though the worker that had leave to call sent nothing, and nobody else had")
	}
}
