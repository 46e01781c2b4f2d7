package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var binding = dypls.Binding{SubsID: "1000000000000001", SecretNo: numberX}

// patience is far more than anything takes, however busy the machine is.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestWaitReturnsWhatTheOperationWould(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		ctx := patience(t)
		ok, bad := s.enqueue(t), s.enqueue(t)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if got, err := tasks.BindAXN.Wait(ctx, s.queue, ok); err != nil || got != binding {
				t.Errorf("%v, %v", got, err)
			}
		})
		waiting.Go(func() {
			_, err := tasks.BindAXN.Wait(ctx, s.queue, bad)
			want := &dypls.Error{Action: "BindAxn", Class: dypls.Rejected, Code: "isv.ILLEGAL_ARGUMENT", Message: "no", RequestID: "R2"}
			if got, isError := errors.AsType[*dypls.Error](err); !isError || !cmp.Equal(want, got) {
				t.Errorf("%v, want %v", err, want)
			}
		})
		s.bind(t, ok, binding)
		s.fail(t, bad)
		waiting.Wait()
	})
}

func TestNothingIsLostInTheGap(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, edge := range []string{"before the read", "after the read"} {
			id := s.enqueue(t)
			queue := s.hooked(t, &readHook{
				before: func(n int64) {
					if n == 1 && edge == "before the read" {
						s.bind(t, id, binding)
					}
				},
				after: func(n int64) {
					if n == 1 && edge == "after the read" {
						s.bind(t, id, binding)
					}
				},
			})
			if got, err := tasks.BindAXN.Wait(patience(t), queue, id); err != nil || got != binding {
				t.Errorf("settled %s: %v, %v", edge, got, err)
			}
		}
	})
}

func TestWaitAllInOrder(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		a, b, c := s.enqueue(t), s.enqueue(t), s.enqueue(t)
		ids := []string{a, "nobody", b, a, c}
		ctx := patience(t)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			results, err := tasks.BindAXN.WaitAll(ctx, s.queue, ids)
			if err != nil {
				t.Errorf("%v", err)
			}
			for i, want := range []error{nil, tasks.ErrUnknownTask, nil, nil, &dypls.Error{}} {
				r := results[i]
				_, failed := errors.AsType[*dypls.Error](r.Err)
				if ok := errors.Is(r.Err, want) || i == 4 && failed; !ok || r.ID != ids[i] || want == nil && r.Value != binding {
					t.Errorf("%d: %+v, want %v", i, r, want)
				}
			}
		})
		s.fail(t, c)
		s.bind(t, b, binding)
		s.bind(t, a, binding)
		waiting.Wait()
	})
}

// What is there when the time is up is handed over; the rest says that it is pending.
func TestWaitAllUntilTheTimeIsUp(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	done, never := s.enqueue(t), s.enqueue(t)
	ctx, cancel := context.WithCancel(patience(t))
	var told []string
	s.bind(t, done, binding)
	err := s.queue.WaitAll(ctx, []string{never, done}, func(o tasks.Outcome) {
		told = append(told, o.ID)
		cancel()
	})
	if !errors.Is(err, context.Canceled) || !cmp.Equal([]string{done}, told) {
		t.Errorf("%v, %v", told, err)
	}
	results, err := tasks.BindAXN.WaitAll(ctx, s.queue, []string{never})
	if !errors.Is(err, context.Canceled) || !errors.Is(results[0].Err, tasks.ErrPending) || results[0].ID != never {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestResultOfWhatIsNotThereYet(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	id := s.enqueue(t)
	s.bind(t, s.enqueue(t, tasks.TaskID("done")), binding)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		get  func() error
		want error
	}{
		"pending":       {func() error { _, err := tasks.BindAXN.Result(t.Context(), s.queue, id); return err }, tasks.ErrPending},
		"unknown":       {func() error { _, err := tasks.BindAXN.Result(t.Context(), s.queue, "nobody"); return err }, tasks.ErrUnknownTask},
		"wait unknown":  {func() error { _, err := tasks.BindAXN.Wait(t.Context(), s.queue, "nobody"); return err }, tasks.ErrUnknownTask},
		"other action":  {func() error { _, err := tasks.BindAXB.Result(t.Context(), s.queue, "done"); return err }, tasks.ErrOtherAction},
		"other pending": {func() error { _, err := tasks.BindAXB.Result(t.Context(), s.queue, id); return err }, tasks.ErrOtherAction},
		"wait other":    {func() error { _, err := tasks.BindAXB.Wait(t.Context(), s.queue, "done"); return err }, tasks.ErrOtherAction},
		"ended":         {func() error { _, err := tasks.BindAXN.Wait(ended, s.queue, id); return err }, context.Canceled},
		"ended result":  {func() error { _, err := tasks.BindAXN.Result(ended, s.queue, id); return err }, context.Canceled},
		"ended enqueue": {func() error { _, err := tasks.BindAXN.Enqueue(ended, s.queue, axn()); return err }, context.Canceled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.get(); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// A thousand requests of a web server wait at once: they share one connection that is subscribed
// once.
func TestAThousandWaitersShareOneSubscription(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const many = 1000
		ids := make([]string, many)
		for i := range ids {
			ids[i] = fmt.Sprint("k-", i/2) // two waiters to a task
		}
		for i := 0; i < many; i += 2 {
			s.enqueue(t, tasks.TaskID(ids[i]))
		}
		ctx := patience(t)
		var waiting sync.WaitGroup
		for _, id := range ids {
			waiting.Go(func() {
				if got, err := tasks.BindAXN.Wait(ctx, s.queue, id); err != nil || got != binding {
					t.Errorf("%s: %v, %v", id, got, err)
				}
			})
		}
		awaitSubscription(t, s)
		for i := 0; i < many; i += 2 {
			s.bind(t, ids[i], binding)
		}
		waiting.Wait()
		if n := s.client.PubSubNumSub(t.Context(), record.Channel(s.client)).Val()[record.Channel(s.client)]; n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}
