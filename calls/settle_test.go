package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// settling is a simulated service whose binds lose their answers and whose receipts are taken in, a
// worker, and a Settler.
type settling struct {
	api    *dyplstest.Server
	caller dypls.Caller
	queue  *tasks.Queue
	log    *logtest.Log
}

func startSettling(t *testing.T, lost ...dyplstest.Fault) *settling {
	t.Helper()
	return startSettlingBy(t, &ages{}, lost...)
}

// ages is a service's clock, and a caller at each of whose binds it goes on.
type ages struct {
	dypls.Caller

	ahead, perBind atomic.Int64 // seconds
	stopped        atomic.Pointer[time.Time]
}

func (a *ages) now() time.Time {
	if at := a.stopped.Load(); at != nil {
		return *at
	}
	return time.Now().Add(time.Duration(a.ahead.Load()) * time.Second)
}

// Call implements [dypls.Caller].
func (a *ages) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	answer, err := a.Caller.Call(ctx, call)
	if call.Action == "BindAxn" {
		a.ahead.Add(a.perBind.Load())
	}
	return answer, err
}

// startSettlingBy is startSettling with a clock of the service's own.
func startSettlingBy(t *testing.T, clock *ages, lost ...dyplstest.Fault) *settling {
	t.Helper()
	redis, s := redistest.Start(t), &settling{log: &logtest.Log{}}
	store := open(t, redis, func(c *Config) { c.Logger = zerolog.New(s.log) })
	intake := serve(t, store, HandlerConfig{})
	push := map[string]string{}
	for _, kind := range []dypls.ReceiptType{
		dypls.TypeSecretStartReport, dypls.TypeSecretReport,
	} {
		push[string(kind)] = intake.URL + "/receipts/" + secret + "/" + string(kind)
	}
	s.api = dyplstest.Start(t, dyplstest.Config{
		Pools:    []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 1000)}},
		Now:      clock.now,
		Faults:   lost,
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: push, AnswerWithin: time.Minute},
	})
	client, err := aliyun.New(aliyun.Config{
		Endpoint:    s.api.URL(),
		Credentials: aliyun.StaticCredentials(s.api.AccessKeyID, s.api.AccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.Caller = client
	s.caller = clock
	if s.queue, err = tasks.New(tasks.Config{Redis: redisConfig(redis)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.queue.Close() })
	w, err := worker.New(worker.Config{Redis: redisConfig(redis), Caller: clock, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	settler := Settler{Store: store, Queue: s.queue, Caller: w.Caller}
	run(t, store)
	for _, running := range []func(context.Context) error{w.Run, settler.Run} {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = running(ctx)
		}()
		t.Cleanup(func() {
			stop()
			<-ended
		})
	}
	return s
}

func platformChosen(i int) dypls.BindAXNRequest {
	return dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", i)),
		Expiration: dypls.At(time.Now().Add(24 * time.Hour)),
	}
}

// uncertain waits until so many tasks are uncertain.
func (s *settling) uncertain(t *testing.T, want int) {
	t.Helper()
	redistest.Poll(t, within, fmt.Sprint(want, " uncertain tasks"), func(ctx context.Context) error {
		held, err := s.queue.Uncertain(ctx)
		if err == nil && held.Count != want {
			err = fmt.Errorf("%d are", held.Count)
		}
		return err
	})
}

// ended waits until no task is pending.
func (s *settling) ended(t *testing.T, ids []string) {
	t.Helper()
	redistest.Poll(t, within, "all outcomes", func(ctx context.Context) error {
		outcomes, err := s.queue.Outcomes(ctx, ids...)
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.State == tasks.StatePending {
				return fmt.Errorf("%s is pending", o.ID)
			}
		}
		return nil
	})
}

// TestLostBindIsSettledByItsFirstCall: two binds of five that left X to the platform lose their
// answers and are uncertain. One call on each binding settles all of them, each as what the service
// bound.
func TestLostBindIsSettledByItsFirstCall(t *testing.T) {
	t.Parallel()
	binds := 500
	if testing.Short() {
		binds = 50
	}
	items := make([]tasks.Item[dypls.BindAXNRequest], binds)
	var lost []dyplstest.Fault
	for i := range items {
		id := fmt.Sprint("order-", i)
		items[i] = tasks.Item[dypls.BindAXNRequest]{
			Request: platformChosen(i), Options: []tasks.Option{tasks.TaskID(id)},
		}
		if i%5 < 2 {
			lost = append(lost, dyplstest.Fault{
				Action: "BindAxn", Match: map[string]string{"OutId": id}, Do: dyplstest.DropAfter,
			})
		}
	}
	s := startSettling(t, lost...)
	ids, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, items)
	if err != nil {
		t.Fatal(err)
	}
	s.ended(t, ids)

	bound := map[string]dyplstest.Entry{}
	for _, e := range s.api.Ledger() {
		if !e.Performed || e.Action != "BindAxn" || e.Code != "" { // answered
			continue
		}
		bound[e.Parameters["OutId"]] = e
		if _, err := s.api.PlaceCall(dyplstest.Dial{SubsID: e.SubsID, Caller: numberB}); err != nil {
			t.Fatal(err)
		}
	}
	if len(bound) != len(lost) {
		t.Fatalf("%d bindings lost their answers, and %d tasks", len(bound), len(lost))
	}
	s.uncertain(t, 0)
	for id, e := range bound {
		o, err := s.queue.Outcome(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var got dypls.Binding
		if err := json.Unmarshal(o.Result, &got); err != nil || o.State != tasks.StateSucceeded {
			t.Fatalf("%s is %s: %v", id, o.State, err)
		}
		if got.SubsID != e.SubsID {
			t.Errorf("%s is told SubsId %s, and %s was bound", id, got.SubsID, e.SubsID)
		}
		if explained, err := s.queue.Explain(t.Context(), id); err != nil || explained.ResolvedBy != "receipt" {
			t.Errorf("%s was settled by %q, %v", id, explained.ResolvedBy, err)
		}
	}
}

// TestReceiptOfAnotherBindingSettlesNothing: somebody gave another binding the OutId of an
// uncertain task. It has another A, and the task stays uncertain.
func TestReceiptOfAnotherBindingSettlesNothing(t *testing.T) {
	t.Parallel()
	s := startSettling(t, dyplstest.Fault{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1})
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, platformChosen(1), tasks.TaskID("k")); err != nil {
		t.Fatal(err)
	}
	s.uncertain(t, 1)
	other := platformChosen(2)
	other.OutID = "k"
	b, err := dypls.BindAXN.Call(t.Context(), s.caller, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.api.PlaceCall(dyplstest.Dial{SubsID: b.SubsID, Caller: numberB}); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, within, "the receipt to be looked into", func(context.Context) error {
		if !strings.Contains(s.log.String(), "its binding is not the bind's") {
			return fmt.Errorf("not yet: %s", s.log)
		}
		return nil
	})
	s.uncertain(t, 1)
}
