package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// owned is the one number of an inventoryHarness.
const owned dypls.Phone = "17000000099"

// inventoryHarness is a workerHarness whose pool has an inventory of one number, and a task "k"
// that has it.
type inventoryHarness struct {
	*workerHarness

	numbers *inventory.Inventory
	records record.Store
	request dypls.BindAXNRequest
}

func newInventoryHarness(t *testing.T, simulated dyplstest.Config) *inventoryHarness {
	t.Helper()
	simulated.Pools = []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}
	s := &inventoryHarness{workerHarness: newWorkerHarness(t, simulated, nil), request: bindRequest()}
	s.numbers, s.records = inventory.New(s.redis, inventory.DefaultCooldown), record.NewStore(s.redis)
	s.stock(t)
	return s
}

func (s *inventoryHarness) stock(t *testing.T) {
	t.Helper()
	if _, err := s.numbers.Import(t.Context(), dyplstest.DefaultPoolKey, []inventory.Number{{X: owned}}); err != nil {
		t.Fatal(err)
	}
}

// enqueue queues the bind as task k.
func (s *inventoryHarness) enqueue(t *testing.T, options ...tasks.Option) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, s.request, append(options, tasks.TaskID("k"))...); err != nil {
		t.Fatal(err)
	}
}

// leave has a worker that is gone leave the task behind with its number, in a state that one of its
// calls led to.
func (s *inventoryHarness) leave(t *testing.T, e record.Ending, options ...tasks.Option) {
	t.Helper()
	if options == nil {
		options = []tasks.Option{tasks.ProcessIn(30 * time.Minute)}
	}
	s.enqueue(t, options...)
	body, err := json.Marshal(s.request)
	if err != nil {
		t.Fatal(err)
	}
	ask, _ := inventory.AskOf(dypls.BindAXN.Action, body)
	if _, err := s.numbers.Lease(t.Context(), ask.Want("k")); err != nil {
		t.Fatal(err)
	}
	begun, err := s.records.Begin(t.Context(), record.Run{
		ID: "k", Run: "gone", Lease: time.Minute, MaxAttempts: 6, MaxCrashes: maxCrashes, LookAfter: time.Millisecond, Keep: time.Hour,
	})
	if err != nil || begun.Verdict != record.Go {
		t.Fatal(begun.Verdict, err)
	}
	e.ID, e.Fence, e.Code, e.Counts, e.Sent, e.Keep = "k", begun.Fence, "isv.FLOW_LIMIT", true, true, time.Hour
	if _, err := s.records.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// held leaves it uncertain, and bound.
func (s *inventoryHarness) held(t *testing.T) (result json.RawMessage) {
	t.Helper()
	s.leave(t, record.Ending{State: record.Uncertain, MayHaveRun: true})
	named := s.request
	named.PhoneNoX = owned
	made, err := dypls.BindAXN.Call(t.Context(), s.caller, named)
	if err != nil {
		t.Fatal(err)
	}
	if result, err = json.Marshal(made); err != nil {
		t.Fatal(err)
	}
	return result
}

func (s *inventoryHarness) resolve(t *testing.T, r tasks.Resolution) {
	t.Helper()
	if err := s.queue.Resolve(t.Context(), "k", r); err != nil {
		t.Fatal(err)
	}
}

// sweep is what each worker does once a minute.
func (s *inventoryHarness) sweep(t *testing.T) {
	t.Helper()
	err := s.numbers.Unsettled(t.Context(), dyplstest.DefaultPoolKey, -time.Minute, func(h inventory.Holding) error {
		return s.worker.settleLease(t.Context(), dyplstest.DefaultPoolKey, h)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *inventoryHarness) counts(t *testing.T, when string, want inventory.Counts) {
	t.Helper()
	if got, err := s.numbers.Counts(t.Context(), dyplstest.DefaultPoolKey); err != nil || got.Counts != want {
		t.Errorf("%s: the inventory has %+v, %v; want %+v", when, got.Counts, err, want)
	}
}

// refuses checks that nobody else is given the number.
func (s *inventoryHarness) refuses(t *testing.T, key string) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID(key)); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, key); o.Class != dypls.Exhausted || o.Calls != 0 {
		t.Errorf("%s: another bind is %s %s after %d calls", key, o.State, o.Code, o.Calls)
	}
}

var (
	isFree    = inventory.Counts{Free: 1}
	isResting = inventory.Counts{Resting: 1}
	isLeased  = inventory.Counts{Leased: 1}
	isBound   = inventory.Counts{Bound: 1}
)

// TestEveryWayToAnOutcomeTellsTheInventory: whoever settles the task, the number is held as long as
// it may be bound, by whichever way its binding ends it rests, and where there never was one it is
// free. A sweep after it changes nothing.
func TestEveryWayToAnOutcomeTellsTheInventory(t *testing.T) {
	t.Parallel()
	waiting := record.Ending{State: record.Waiting}
	for name, test := range map[string]struct {
		fault dyplstest.Fault
		way   func(t *testing.T, s *inventoryHarness)
		want  inventory.Counts
	}{
		"a run's own end": {way: func(t *testing.T, s *inventoryHarness) { t.Helper(); s.enqueue(t); s.outcome(t, "k") }, want: isBound},
		"a run's own end, refused": {
			fault: dyplstest.Fault{Action: "BindAxn", Code: "isv.EXPIRE_DATE_ILLEGAL"},
			way:   func(t *testing.T, s *inventoryHarness) { t.Helper(); s.enqueue(t); s.outcome(t, "k") }, want: isFree,
		},
		"a look": {
			fault: dyplstest.Fault{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1},
			way:   func(t *testing.T, s *inventoryHarness) { t.Helper(); s.enqueue(t); s.outcome(t, "k") }, want: isBound,
		},
		"resolved as succeeded": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.resolve(t, tasks.ResolveSucceeded(s.held(t), "ops"))
		}, want: isBound},
		"resolved as failed": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, record.Ending{State: record.Uncertain, MayHaveRun: true})
			s.resolve(t, tasks.ResolveFailed("ops"))
		}, want: isResting},
		"resolved to be tried again": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, record.Ending{State: record.Uncertain, MayHaveRun: true})
			s.resolve(t, tasks.ResolveRetry("ops"))
			s.outcome(t, "k")
		}, want: isBound},
		"nobody has settled it": {way: func(t *testing.T, s *inventoryHarness) { t.Helper(); s.held(t) }, want: isLeased},
		"canceled": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, waiting)
			if err := s.queue.Cancel(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
		}, want: isFree},
		"withdrawn by its unbind": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, waiting)
			s.outcome(t, s.unbindTask(t, "k"))
		}, want: isFree},
		"out of time": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, waiting, tasks.ProcessIn(2*time.Second), tasks.Within(time.Millisecond))
			if o := s.outcome(t, "k"); o.Code != dypls.CodeExpired {
				t.Errorf("it is %s", o.Code)
			}
		}, want: isResting},
		"a delivery that cannot be read": {way: func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, waiting)
			client := asynq.NewClientFromRedisClient(s.redis)
			if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", []byte(`garbage`)), asynq.Queue("bind"), asynq.TaskID("k.9")); err != nil {
				t.Fatal(err)
			}
			s.outcome(t, "k")
		}, want: isResting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newInventoryHarness(t, dyplstest.Config{})
			if test.fault.Action != "" {
				if err := s.simulator.AddFault(test.fault); err != nil {
					t.Fatal(err)
				}
			}
			test.way(t, s)
			s.settled(t, test.want)
			s.sweep(t)
			s.counts(t, "after a sweep", test.want)
			s.simulator.ClearFaults()
			if test.want != isFree {
				s.refuses(t, "other")
			}
			if test.want == isBound {
				s.unbind(t)
				s.refuses(t, "unbound")
			}
		})
	}
}

// settled waits for the counts: what is told after the outcome may come a moment later.
func (s *inventoryHarness) settled(t *testing.T, want inventory.Counts) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the inventory to be told", func(ctx context.Context) error {
		got, err := s.numbers.Counts(ctx, dyplstest.DefaultPoolKey)
		if err == nil && got.Counts != want {
			err = fmt.Errorf("it has %+v, want %+v", got.Counts, want)
		}
		return err
	})
}

// unbind removes the binding that the owner was told of, after which its number rests.
func (s *inventoryHarness) unbind(t *testing.T) {
	t.Helper()
	var made dypls.Binding
	if err := json.Unmarshal(s.outcome(t, "k").Result, &made); err != nil {
		t.Fatal(err)
	}
	id := unbindPlainly(t, s.workerHarness, dypls.UnbindSubscriptionRequest{PoolKey: dyplstest.DefaultPoolKey, SubsID: made.SubsID, SecretNo: made.SecretNo})
	if o := s.outcome(t, id); o.State != tasks.StateSucceeded {
		t.Errorf("the unbind is %s %s", o.State, o.Code)
	}
	s.counts(t, "after its unbind", isResting)
}

// TestSweepMakesUpForACrash: who settled the task ended before it told the inventory, or told the
// inventory and ended before it settled the task, or is long gone with the record.
func TestSweepMakesUpForACrash(t *testing.T) {
	t.Parallel()
	settle := func(t *testing.T, s *inventoryHarness, r record.Resolution) {
		t.Helper()
		r.ID, r.By, r.Keep = "k", "ann", time.Hour
		if found, _, err := s.records.Resolve(t.Context(), r); err != nil || found != record.Uncertain {
			t.Fatal(found, err)
		}
	}
	succeeded := func(result json.RawMessage) record.Resolution {
		var made dypls.Binding
		_ = json.Unmarshal(result, &made)
		return record.Resolution{State: record.Succeeded, Code: dypls.CodeOK, Result: result, SubsID: made.SubsID}
	}
	for name, test := range map[string]struct {
		crash func(t *testing.T, s *inventoryHarness)
		want  inventory.Counts
	}{
		"succeeded, then a crash": {func(t *testing.T, s *inventoryHarness) { t.Helper(); settle(t, s, succeeded(s.held(t))) }, isBound},
		"failed, then a crash": {func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.leave(t, record.Ending{State: record.Uncertain, MayHaveRun: true})
			settle(t, s, record.Resolution{State: record.Failed, Code: dypls.CodeNoAnswer})
		}, isResting},
		"told, then a crash, and settled again": {func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			result := s.held(t)
			r := succeeded(result)
			end, _ := inventory.EndOf(record.Record{
				ID: "k", Action: dypls.BindAXN.Action, State: record.Succeeded, Undoing: `{"PoolKey":"` + dyplstest.DefaultPoolKey + `"}`, Result: r.Result,
			})
			if err := s.numbers.Settle(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			s.sweep(t)
			s.resolve(t, tasks.ResolveSucceeded(result, "ops"))
		}, isBound},
		"succeeded, and forgotten": {func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			settle(t, s, succeeded(s.held(t)))
			s.redis.Del(t.Context(), record.Key("k"))
		}, isBound},
		"uncertain, and lost": {func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.held(t)
			s.redis.Del(t.Context(), record.Key("k"))
		}, isBound},
		"another task has its id by now": {func(t *testing.T, s *inventoryHarness) {
			t.Helper()
			s.held(t)
			s.redis.Del(t.Context(), record.Key("k"))
			_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{
				PoolKey: dyplstest.DefaultPoolKey, SubsID: "1", SecretNo: owned,
			}, tasks.TaskID("k"), tasks.ProcessIn(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.queue.Cancel(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
		}, isBound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newInventoryHarness(t, dyplstest.Config{})
			test.crash(t, s)
			for range 2 { // several workers sweep
				s.sweep(t)
				s.counts(t, "after a sweep", test.want)
			}
			s.refuses(t, "other")
		})
	}
}

// TestLateAnswerOfAFreedNumber: the bind was told to have failed and its number was freed, when the
// answer of a stalled run comes: the number is held again, until the binding that nobody wants is
// removed.
func TestLateAnswerOfAFreedNumber(t *testing.T) {
	t.Parallel()
	caller := &stalls{held: make(chan struct{}), free: make(chan struct{})}
	release := sync.OnceFunc(func() { close(caller.free) })
	simulated := dyplstest.Config{ListDelay: time.Hour, Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}}
	short := timing{claimLease: 2 * time.Second, reconcileAfter: 100 * time.Millisecond, verifyAgainAfter: 200 * time.Millisecond}
	s := &inventoryHarness{request: bindRequest(), workerHarness: newTimedWorkerHarness(t, short, simulated, func(c *Config) { caller.Caller, c.Caller = c.Caller, caller })}
	t.Cleanup(release) // before the worker drains
	s.numbers, s.records = inventory.New(s.redis, inventory.DefaultCooldown), record.NewStore(s.redis)
	s.stock(t)
	s.enqueue(t)
	<-caller.held
	client := asynq.NewClientFromRedisClient(s.redis)
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", []byte(`{"v":1,"id":"k"}`)), asynq.Queue("bind"), asynq.TaskID("k.2")); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "k"); o.State != tasks.StateFailed {
		t.Fatalf("it is %s", o.State)
	}
	s.settled(t, isResting)
	release()
	if undo := s.awaited(t, reaper.SurplusTask("", s.bound()[0])); undo.State != tasks.StateSucceeded {
		t.Errorf("the surplus: %+v", undo)
	}
	s.settled(t, isResting)
	if got, err := s.numbers.Counts(t.Context(), dyplstest.DefaultPoolKey); err != nil || got.Leases != 0 || len(s.simulator.Bindings()) != 0 {
		t.Errorf("%+v, %v, and %d are bound", got, err, len(s.simulator.Bindings()))
	}
}
