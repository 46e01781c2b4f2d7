package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func (s *workerHarness) unbindTask(t *testing.T, bind string, options ...tasks.Option) string {
	t.Helper()
	id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, append(options, tasks.UnbindOf(bind))...))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestUnbindNamesTheBindsTask: it removes what that bind made, waits for one that is out, and
// withdraws one that is not.
func TestUnbindNamesTheBindsTask(t *testing.T) {
	t.Parallel()
	const slow, refused = "13900000002", "13900000003"
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": slow}, Delay: time.Second},
		{Match: map[string]string{"PhoneNoA": refused}, Code: "isv.NO_AVAILABLE_NUMBER"},
	}}, nil)
	for name, test := range map[string]struct {
		phone  dypls.Phone
		after  string // the state of the bind in which the unbind is enqueued
		in     time.Duration
		bind   string // the code of its outcome
		calls  int    // of the unbind
		unbind string // its message
	}{
		"bound":   {phone: "13900000001", after: "succeeded", bind: "OK", calls: 1, unbind: "OK"},
		"out":     {phone: slow, after: "calling", bind: "OK", calls: 1, unbind: "OK"},
		"not due": {phone: "13900000004", after: "queued", in: 10 * time.Minute, bind: dypls.CodeCanceled, unbind: "the bind was withdrawn before it took effect: there is nothing to unbind"},
		"refused": {phone: refused, after: "failed", bind: "isv.NO_AVAILABLE_NUMBER", unbind: "the bind failed: there is nothing to unbind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := bindRequest()
			request.PhoneNoA = test.phone
			bind, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.ProcessIn(test.in)))
			if err != nil {
				t.Fatal(err)
			}
			s.state(t, bind, test.after)
			o := s.outcome(t, s.unbindTask(t, bind))
			if o.State != tasks.StateSucceeded || o.Attempts != test.calls || o.Calls != test.calls || o.Message != test.unbind {
				t.Errorf("the unbind: %+v", o)
			}
			if o := s.outcome(t, bind); o.Code != test.bind {
				t.Errorf("the bind: %+v", o)
			}
		})
	}
	t.Cleanup(func() {
		if left := s.simulator.Bindings(); len(left) != 0 {
			t.Errorf("%d bindings are left", len(left))
		}
		if n := s.performed("UnbindSubscription"); n != 2 {
			t.Errorf("%d unbinds were performed, want 2", n)
		}
	})
}

// TestUnbindOutlivesTheBindsRecord: what is to be removed is known from the first run on, also
// after the answer was lost.
func TestUnbindOutlivesTheBindsRecord(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "UnbindSubscription", Do: dyplstest.DropAfter, Times: 1}}}, nil)
	s.bind(t, "order-1")
	s.outcome(t, "order-1")
	unbind := s.unbindTask(t, "order-1", tasks.TaskID("unbind-1"))
	s.logged(t, dypls.CodeNoAnswer)
	if err := s.redis.Del(t.Context(), "dypls:{order-1}").Err(); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, unbind); o.State != tasks.StateSucceeded || o.Attempts != 2 {
		t.Errorf("%+v", o)
	}
	if again := s.unbindTask(t, "order-1", tasks.TaskID("unbind-1")); again != unbind {
		t.Errorf("the same unbind again is %s", again)
	}
}

// TestUnbindOfForgottenBind: it fails, and says what to do.
func TestUnbindOfForgottenBind(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	s.bind(t, "order-1")
	s.outcome(t, "order-1")
	unbind := s.unbindTask(t, "order-1", tasks.ProcessIn(time.Second))
	if err := s.redis.Del(t.Context(), "dypls:{order-1}").Err(); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, unbind); o.State != tasks.StateFailed || o.Code != dypls.CodeNotSent || o.Calls != 0 {
		t.Errorf("%+v", o)
	}
	_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf("order-1"))
	if _, invalid := errors.AsType[*dypls.ValidationError](err); !invalid {
		t.Errorf("an unbind of an unknown bind: %v", err)
	}
}

// state waits until a record is in a state.
func (s *workerHarness) state(t *testing.T, id, want string) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, id+" to be "+want, func(ctx context.Context) error {
		if got := s.redis.HGet(ctx, "dypls:{"+id+"}", "state").Val(); got != want {
			return errors.New("it is " + got)
		}
		return nil
	})
}
