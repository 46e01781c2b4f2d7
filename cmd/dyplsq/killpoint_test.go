package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// killPoint is a point of a task's way at which its worker, or its producer, is killed.
type killPoint struct {
	id   string
	what string

	when  moment // a gate, where there is a step
	step  step
	fault dyplstest.Fault // of the API, where there is none

	doubt bool // whether the call took effect cannot be told by whoever comes next: a bind that names no X is uncertain
	late  bool // settled later than 30 s, and so part of the whole test alone
	// lateNamed: the same of a bind that names its X, where two looks, 30 s apart, must find nothing
	lateNamed bool
}

// killPoints are in the order of the way. What is to be killed at is reached by one task that names X and one that does not.
var killPoints = []killPoint{
	{id: "a", what: "dequeued, the reply not delivered", when: beforeReply, step: stepDequeue, late: true, lateNamed: true},
	{id: "b", what: "dequeued, begin not sent", when: beforeRequest, step: stepBegin, late: true, lateNamed: true},
	{id: "c", what: "begin performed, the reply withheld", when: beforeReply, step: stepBegin, doubt: true, lateNamed: true},
	{id: "d", what: "begin replied, no byte of the call sent", when: beforeReply, step: stepBegin, doubt: true, lateNamed: true},
	{id: "e", what: "call received, not performed", fault: dyplstest.Fault{Do: dyplstest.Hang}, doubt: true, lateNamed: true},
	{id: "f", what: "call performed, the answer withheld", fault: dyplstest.Fault{Do: dyplstest.Hang, Performed: true}, doubt: true},
	{id: "g", what: "answered, finish not sent", when: beforeRequest, step: stepFinish, doubt: true},
	{id: "h", what: "finish performed, the reply withheld", when: beforeReply, step: stepFinish},
	{id: "i", what: "finish replied, asynq's done not sent", when: beforeRequest, step: stepDone},
	{id: "j", what: "asynq's done performed, the reply withheld", when: beforeReply, step: stepDone},
	{id: "k", what: "producer: recorded, not handed to asynq", when: beforeRequest, step: stepEnqueue, late: true, lateNamed: true},
}

const (
	frozenPoint   = "d" // its worker is frozen before the reply arrives, and so sends nothing before it is killed
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

func victims(whole bool) []*victimTask {
	var all []*victimTask
	for i, point := range killPoints {
		if whole || !point.lateNamed {
			all = append(all, &victimTask{killPoint: point, id: point.id + "-named", named: true, request: namedBind(i, "")})
		}
		if whole || !point.late {
			all = append(all, &victimTask{killPoint: point, id: point.id + "-chosen", request: bind(len(killPoints)+i, "")})
		}
	}
	return all
}

// TestKillPoints holds one bind that names its X, and one that does not, at every point of a task's way, kills the worker that
// has them all, and lets another one settle them.
//
// Invariant: a bind takes effect once at the most; its one outcome is succeeded, and the ledger's, or, where it names no X and
// nobody can tell whether the call took effect, uncertain; nothing is unbound.
func TestKillPoints(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a claim of 20 s to lapse")
	}
	points := victims(wholeFaults())
	config := dyplstest.Config{Pools: twoPools(len(killPoints))}
	for _, v := range points {
		if v.step == "" {
			fault := v.fault
			fault.Action, fault.Match, fault.Times = "BindAxn", map[string]string{"OutId": v.id}, 1
			config.Faults = append(config.Faults, fault)
		}
	}
	s := newSystem(t, config)
	proxy := startFaultProxy(t, s.redis.Addr)
	for _, v := range points {
		if v.step != "" {
			v.gate = proxy.hold(v.when, v.step, v.id)
		}
	}
	killed := killAtAll(t, s, proxy, points)
	s.worker(t)
	ids := make([]string, len(points))
	for i, v := range points {
		ids[i] = v.id
	}
	settled := s.settledAfter(t, killed, ids...)
	s.toldInStream(t, ids...)
	if wholeFaults() {
		s.emptied(t, emptyAfterKill) // whatever is delivered once more does no harm either
	}
	uncertain, at := 0, map[string]bool{}
	for _, v := range points {
		at[v.what] = true
		if settled[v.id].State == tasks.StateUncertain {
			uncertain++
		}
		t.Run(v.what+"/"+v.id, func(t *testing.T) {
			t.Parallel()
			judgeVictim(t, s, v, settled[v.id])
		})
	}
	s.nothingUnbound(t)
	t.Logf("%d binds at %d points: %d surplus, %d uncertain, the last settled %.0f s after the kill", len(points), len(at), s.surplus(), uncertain, latest(settled).Seconds())
}

// killAtAll brings every task to its point, and kills the worker and the producers there.
func killAtAll(t *testing.T, s *system, proxy *faultProxy, points []*victimTask) time.Time {
	t.Helper()
	worker := start(t, proxy.through(s.env), "worker", "--concurrency", "256", "--fetchers", "4")
	redistest.Poll(t, startWithin, "the victim to be up", worker.wrote("performing tasks"))
	input, frozen := "", ""
	var producers []*process
	for _, v := range points {
		switch line := strings.Replace(v.request, "{", fmt.Sprintf(`{"TaskID":%q,`, v.id), 1) + "\n"; v.killPoint.id {
		case producerPoint:
			producers = append(producers, start(t, proxy.through(s.env), "enqueue", "BindAxn", v.request, "--id", v.id))
		case frozenPoint:
			frozen += line
		default:
			input += line
		}
	}
	s.enqueueLines(t, input)
	for _, v := range points {
		switch {
		case v.killPoint.id == frozenPoint:
		case v.gate != nil:
			v.gate.await(t)
		default:
			redistest.Poll(t, startWithin, "the call of "+v.id, s.isReceived(v.id))
		}
	}
	for _, p := range producers {
		p.kill(t)
	}
	if frozen != "" {
		s.enqueueLines(t, frozen)
		freezeInBegin(t, worker, points)
	}
	killed := time.Now()
	worker.kill(t)
	return killed
}

// freezeInBegin freezes the worker, and only then lets it have the leave to call.
func freezeInBegin(t *testing.T, worker *process, points []*victimTask) {
	t.Helper()
	var gates []*gate
	for _, v := range points {
		if v.killPoint.id == frozenPoint {
			v.gate.await(t)
			gates = append(gates, v.gate)
		}
	}
	worker.freeze(t)
	for _, g := range gates {
		g.release(t)
	}
}

func judgeVictim(t *testing.T, s *system, v *victimTask, o settledTask) {
	t.Helper()
	performed := s.performed(v.id)
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
	if now := s.outcome(t, v.id, "1ms"); now.State != o.State || string(now.Result) != string(o.Result) {
		t.Errorf("its outcome was %s, and is %s", o.State, now.State)
	}
	if v.killPoint.id == frozenPoint && !v.named && len(performed) != 0 {
		t.Error("it took effect, though the worker that had leave to call sent nothing, and nobody else had")
	}
}
