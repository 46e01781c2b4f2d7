package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// x is a number of the simulator's pool.
const x dypls.Phone = "17000000007"

// named is a bind that names its X, so that its effect can be looked up.
func named() dypls.BindAXNRequest {
	request := bindRequest()
	request.PhoneNoX = x
	return request
}

// occupy binds x to a stranger, and returns the SubsId.
func (s *workerHarness) occupy(t *testing.T) string {
	t.Helper()
	b, err := dypls.BindAXG.Call(t.Context(), s.caller, dypls.BindAXGRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000099", PhoneNoX: x, GroupID: "1", Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.SubsID
}

func (s *workerHarness) bindNamed(t *testing.T) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, named(), tasks.TaskID("k")); err != nil {
		t.Fatal(err)
	}
}

// calls counts what arrived at the simulator.
func (s *workerHarness) calls(action string) int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.Action == action {
			n++
		}
	}
	return n
}

// endTime lets the time of a task run out once so many binds have arrived, however long that takes
// on a busy machine.
func (s *workerHarness) endTime(t *testing.T, id string, binds int) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the calls of "+id, func(context.Context) error {
		if n := s.calls("BindAxn"); n < binds {
			return fmt.Errorf("%d of %d", n, binds)
		}
		return nil
	})
	if err := s.redis.HSet(t.Context(), record.Key(id), "deadline", 1).Err(); err != nil {
		t.Fatal(err)
	}
}

// expectOutcome checks an outcome: what the owner is told, and how often the API was really asked.
func (s *workerHarness) expectOutcome(t *testing.T, id string, want wantOutcome) tasks.Outcome {
	t.Helper()
	o := s.outcome(t, id)
	looks := s.calls("QuerySubsId")
	if o.Action == dypls.UnbindSubscription.Action {
		looks = s.calls("QuerySubscriptionDetail")
	}
	if want.looks < 0 {
		looks = want.looks
	}
	got := wantOutcome{o.State, o.Code, o.Calls, s.performed(o.Action), looks}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(wantOutcome{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s%s", id, diff, o.Message)
	}
	if n := s.calls(o.Action); n != o.Calls {
		t.Errorf("%s: told %d calls, %d arrived", id, o.Calls, n)
	}
	return o
}

// wantOutcome is an outcome. One action is called for one task in the tests that use it.
type wantOutcome struct {
	state     tasks.State
	code      string
	calls     int // that the outcome tells, and that arrived
	performed int
	looks     int // -1 for any number
}

// bindings returns the SubsIds of what is bound, and fails the test where the outcome's is not
// among them.
func (s *workerHarness) bindings(t *testing.T, o tasks.Outcome) []string {
	t.Helper()
	var binding dypls.Binding
	if err := json.Unmarshal(o.Result, &binding); err != nil {
		t.Fatalf("result %s: %v", o.Result, err)
	}
	var ids []string
	for _, b := range s.simulator.Bindings() {
		ids = append(ids, b.SubsID)
		if b.SubsID == binding.SubsID && b.PhoneNoX != binding.SecretNo {
			t.Errorf("told X %q, bound is %q", string(binding.SecretNo), string(b.PhoneNoX))
		}
	}
	if !slices.Contains(ids, binding.SubsID) {
		t.Errorf("told %s, bound are %v", binding.SubsID, ids)
	}
	return ids
}

func (s *workerHarness) field(t *testing.T, id, name string) string {
	t.Helper()
	value, err := s.redis.HGet(t.Context(), "dypls:{"+id+"}", name).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return value
}
