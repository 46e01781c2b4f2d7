package tasks_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestSameKeySameRequest(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for range 2 {
			if id := s.enqueue(t, tasks.TaskID("order-42")); id != "order-42" {
				t.Errorf("id %q", id)
			}
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 1 {
			t.Errorf("%d deliveries of one task", len(infos))
		}
		s.bind(t, "order-42", dypls.Binding{SubsID: "1", SecretNo: numberX})
		if err := s.asynq.DeleteTask("bind", "order-42.1"); err != nil { // as asynq does when it is done
			t.Fatal(err)
		}
		s.enqueue(t, tasks.TaskID("order-42"))
		if infos := s.deliveries(t, "bind"); len(infos) != 0 {
			t.Errorf("%d deliveries of a task that has finished", len(infos))
		}
		if got, err := tasks.BindAXN.Result(t.Context(), s.queue, "order-42"); err != nil || got.SubsID != "1" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestKnownKeyIsTold: who asks is told that a key was known, and what its task was: nothing is
// tried again.
func TestKnownKeyIsTold(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		enqueue := func(key string) (told []tasks.State) {
			t.Helper()
			s.enqueue(t, tasks.TaskID(key), tasks.IfKnown(func(state tasks.State) { told = append(told, state) }))
			return told
		}
		for _, key := range []string{"pending", "failed", "bound"} {
			if told := enqueue(key); told != nil {
				t.Errorf("a new key is told to be %s", told)
			}
		}
		s.fail(t, "failed")
		s.bind(t, "bound", dypls.Binding{SubsID: "1", SecretNo: numberX})
		for key, want := range map[string]tasks.State{"pending": tasks.StatePending, "failed": tasks.StateFailed, "bound": tasks.StateSucceeded} {
			if diff := cmp.Diff([]tasks.State{want}, enqueue(key)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
		}
	})
}

func TestSameKeyOtherRequest(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		ctx := t.Context()
		s.enqueue(t, tasks.TaskID("k"))
		other := axn()
		other.PhoneNoA, other.OutID = "15012345679", "o"
		axb := dypls.BindAXBRequest{PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Expiration: inAnHour}
		for name, test := range map[string]struct {
			enqueue func() (string, error)
			want    []string
		}{
			"request": {func() (string, error) {
				return queuetest.ID(tasks.BindAXN.Enqueue(ctx, s.queue, other, tasks.TaskID("k")))
			}, []string{"OutId", "PhoneNoA"}},
			"action": {func() (string, error) {
				return queuetest.ID(tasks.BindAXB.Enqueue(ctx, s.queue, axb, tasks.TaskID("k")))
			}, []string{"Action"}},
		} {
			id, err := test.enqueue()
			reused, ok := errors.AsType[*tasks.KeyReusedError](err)
			if id != "" || !errors.Is(err, tasks.ErrKeyReused) || !ok {
				t.Fatalf("%s: %q, %v", name, id, err)
			}
			if diff := cmp.Diff(&tasks.KeyReusedError{ID: "k", Differs: test.want}, reused); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			for _, number := range []string{"15012345679", string(numberA), string(numberB), string(numberX)} {
				if strings.Contains(err.Error(), number) {
					t.Errorf("%s: the error tells a number: %v", name, err)
				}
			}
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 1 {
			t.Errorf("%d deliveries", len(infos))
		}
	})
}

// To ask again what came of an old request is never wrong: only a new key must be in time.
func TestTimeRulesHoldForNewKeysAlone(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	expired := axn()
	expired.Expiration = dypls.At(time.Now().Add(-time.Minute))
	_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, expired, tasks.TaskID("new"))
	if invalid, ok := errors.AsType[*dypls.ValidationError](err); !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Field != "Expiration" {
		t.Errorf("new key: %v", err)
	}
	if keys := s.client.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("a refused task left %v", keys)
	}
	// an hour ago it was in time
	tasks.SetClock(s.queue, func() time.Time { return time.Now().Add(-time.Hour) })
	for range 2 {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, expired, tasks.TaskID("old")); err != nil {
			t.Errorf("known key: %v", err)
		}
		tasks.SetClock(s.queue, time.Now)
	}
}

func TestTaskIDRules(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	tests := map[string]struct {
		key  string
		want string // "" for valid
	}{
		"every character":  {"AZaz09._:@/-", ""},
		"longest":          {strings.Repeat("k", 128), ""},
		"a dot and number": {"order.42", ""},
		"another's number": {"15099999999", ""},
		"empty":            {"", "must be 1-128"},
		"too long":         {strings.Repeat("k", 129), "must be 1-128"},
		"a space":          {"a b", "remove the space within it"},
		"a brace":          {"a{b}", "must be 1-128"}, // would choose the slot
		"a newline":        {"a\n", "remove the space behind it"},
		"not ASCII":        {"订单", "must be 1-128"},
		"A":                {"order-" + string(numberA), "telephone number"},
		"B":                {string(numberB) + "x", "telephone number"},
		"X":                {"x" + string(numberX), "telephone number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.TaskID(test.key)))
			if test.want == "" && (err != nil || id != test.key) {
				t.Fatalf("%q, %v", id, err)
			}
			if test.want == "" {
				return
			}
			invalid, ok := errors.AsType[*dypls.ValidationError](err)
			if !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Field != "TaskID" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			for _, number := range []dypls.Phone{numberA, numberB, numberX} {
				if strings.Contains(err.Error(), string(number)) {
					t.Errorf("the error tells a number: %v", err)
				}
			}
		})
	}
}

func TestWithoutAKey(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	request := axn()
	// short enough to occur in an id by chance, among 500 almost surely: that is nobody's fault, and
	// no error
	request.PhoneNoB, request.PhoneNoX = "400", "401"
	last := ""
	for range 500 {
		id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, request))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || id <= last {
			t.Fatalf("id %s after %s, %v: want UUIDv7, rising", id, last, err)
		}
		last = id
	}
}

func TestManyEnqueueOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		var producers sync.WaitGroup
		for range 10 {
			producers.Go(func() { s.enqueue(t, tasks.TaskID("k")) })
		}
		producers.Wait()
		if infos := s.deliveries(t, "bind"); len(infos) != 1 || infos[0].ID != "k.1" {
			t.Errorf("deliveries: %+v, want k.1 alone", infos)
		}
	})
}
