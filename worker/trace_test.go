package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// events counts what a trace is told.
type events struct {
	mu     sync.Mutex
	counts map[string]int
}

func newEvents() *events { return &events{counts: map[string]int{}} }

func (e *events) add(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts[text]++
}

func (e *events) all() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.counts)
}

func (e *events) trace() Trace {
	return Trace{
		AttemptDone: func(a Attempt) {
			e.add(fmt.Sprintf("attempt %s %s %s %q %s, request id: %t", a.TaskID, a.Account, a.Action, a.Class, a.Code, a.RequestID != ""))
		},
		CallDone: func(c Call) { e.add(fmt.Sprintf("call %s %s, took time: %t", c.Account, c.Action, c.Took > 0)) },
		QueueWaited: func(q QueueWait) {
			e.add(fmt.Sprintf("queue %s %s", q.Queue, q.Action))
		},
		QuotaWaited:  func(q QuotaWait) { e.add(fmt.Sprintf("quota %s %s", q.Account, q.Action)) },
		TaskDone:     func(end TaskEnd) { e.add(fmt.Sprintf("task %s %s %s", end.TaskID, end.Action, end.State)) },
		SurplusFound: func(s Surplus) { e.add(fmt.Sprintf("surplus %s %s", s.TaskID, s.Action)) },
		DataLost:     func() { e.add("data lost") },

		Undecryptable: func(u Undecryptable) { e.add("undecryptable " + u.TaskID + " " + u.Action + " " + u.MissingKey) },
	}
}

// TestTraceIsToldOfEachEventOnce: each attempt, call and end is told once, whichever way a task
// comes to its end.
func TestTraceIsToldOfEachEventOnce(t *testing.T) {
	t.Parallel()
	told := newEvents()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"OutId": "none"}, Code: "isv.NO_AVAILABLE_NUMBER"},
		{Match: map[string]string{"OutId": "again"}, Code: "isv.FLOW_LIMIT", First: 1},
		{Match: map[string]string{"OutId": "lost"}, Do: dyplstest.DropAfter},
	}}, func(c *Config) { c.Trace = told.trace() })
	for _, id := range []string{"good", "none", "again", "lost"} {
		s.bind(t, id)
		s.outcome(t, id)
	}
	client := asynq.NewClientFromRedisClient(s.redis)
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", []byte("garbage")), asynq.Queue("bind"), asynq.TaskID("garbage.1")); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "delivery unreadable")
	want := map[string]int{
		`attempt good default BindAxn "" OK, request id: true`:                               1,
		`attempt again default BindAxn "" OK, request id: true`:                              1,
		`attempt none default BindAxn "Exhausted" isv.NO_AVAILABLE_NUMBER, request id: true`: 1,
		`attempt again default BindAxn "Throttled" isv.FLOW_LIMIT, request id: true`:         1,
		`attempt lost default BindAxn "Uncertain" dyplsq.NoAnswer, request id: false`:        1,
		`call default BindAxn, took time: true`:                                              5,
		`quota default BindAxn`:                                                              5,
		`task good BindAxn succeeded`:                                                        1,
		`task again BindAxn succeeded`:                                                       1,
		`task none BindAxn failed`:                                                           1,
		`task garbage BindAxn failed`:                                                        1,
		`task lost BindAxn uncertain`:                                                        1,
	}
	redistest.Poll(t, outcomeWithin, "everything to be told", func(context.Context) error {
		got := told.all()
		if got["queue bind BindAxn"] == 0 {
			return errors.New("no time in the queue was told")
		}
		delete(got, "queue bind BindAxn") // a sample
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// TestTraceSkipsWhatIsNil: a trace may name any of its functions alone.
func TestTraceSkipsWhatIsNil(t *testing.T) {
	t.Parallel()
	all := reflect.ValueOf(newEvents().trace())
	for field := range reflect.TypeFor[Trace]().Fields() {
		if all.FieldByIndex(field.Index).IsNil() {
			t.Errorf("the tests' own trace lacks %s", field.Name)
		}
		var alone Trace
		reflect.ValueOf(&alone).Elem().FieldByIndex(field.Index).Set(all.FieldByIndex(field.Index))
		s := newWorkerHarness(t, dyplstest.Config{}, func(c *Config) { c.Trace = alone })
		s.bind(t, "good")
		if o := s.outcome(t, "good"); o.State != tasks.StateSucceeded {
			t.Errorf("with %s alone: %s %s", field.Name, o.State, o.Code)
		}
	}
}

// TestStatus: a worker tells how far it has come, and that its queues are polled.
func TestStatus(t *testing.T) {
	t.Parallel()
	w, err := New(Config{client: redistest.Start(t).AppClient(t), Caller: panickyCaller{}, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Status(); got.Phase != Starting || len(got.Polled) != len(dispatch.Queues()) || !got.Polled["bind"].IsZero() {
		t.Errorf("before it runs: %+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	redistest.Poll(t, outcomeWithin, "every queue to be polled, and tasks to be performed", func(context.Context) error {
		for queue, at := range w.Status().Polled {
			if at.IsZero() {
				return errors.New(queue)
			}
		}
		if got := w.Status().Phase; got != Performing {
			return fmt.Errorf("while it runs: %s", got)
		}
		return nil
	})
	stop()
	running.Wait()
	if got := w.Status().Phase; got != Draining {
		t.Errorf("when it has ended: %s", got)
	}
}

// TestHistoryOfAWorker: what becomes of tasks is in the history once their worker has ended, beside
// what a trace of the application is told.
func TestHistoryOfAWorker(t *testing.T) { //nolint:tparallel // it has ended when its part has
	t.Parallel()
	server := redistest.Start(t)
	var done atomic.Int64
	t.Run("runs", func(t *testing.T) {
		h := newWorkerHarnessOn(t, server, quick, dyplstest.Config{}, func(c *Config) {
			c.Trace.TaskDone = func(TaskEnd) { done.Add(1) }
		})
		for n := range 3 {
			request := bindRequest()
			if n == 2 {
				request.PoolKey = "FC-nobody"
			}
			if _, err := tasks.BindAXN.Enqueue(t.Context(), h.queue, request); err != nil {
				t.Fatal(err)
			}
		}
		redistest.Poll(t, outcomeWithin, "all outcomes", func(context.Context) error {
			if n := done.Load(); n != 3 {
				return fmt.Errorf("%d are there", n)
			}
			return nil
		})
	})
	span, err := history.Read(t.Context(), server.Client(t), history.Tasks, time.Now().Add(-time.Hour), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var got [5]int64
	for _, row := range span.Rows {
		for n := range got {
			got[n] += row.Values.Of("default:BindAxn", n)
		}
	}
	if want := [5]int64{history.Succeeded: 2, history.Failed: 1, history.Calls: 3}; got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
}
