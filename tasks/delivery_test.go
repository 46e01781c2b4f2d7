package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// What reaches asynq is read by workers of other versions: a change here is a change of the
// contract with them.
func TestWhatAsynqIsGiven(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		ctx, expiration := t.Context(), dypls.At(time.Now().Add(time.Hour))
		for name, test := range map[string]struct {
			enqueue     func(tasks.Option) (string, error)
			typ, queued string
		}{
			"axn": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.BindAXN.Enqueue(ctx, s.queue, axn(), o))
			}, "dypls:BindAxn", "bind"},
			"axb": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.BindAXB.Enqueue(ctx, s.queue, dypls.BindAXBRequest{PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, Expiration: expiration}, o))
			}, "dypls:BindAxb", "bind"},
			"axne": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.BindAXNExtension.Enqueue(ctx, s.queue, dypls.BindAXNExtensionRequest{PoolKey: "FC1", PhoneNoA: numberA, Expiration: expiration}, o))
			}, "dypls:BindAxnExtension", "bind"},
			"axg": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.BindAXG.Enqueue(ctx, s.queue, dypls.BindAXGRequest{PoolKey: "FC1", PhoneNoA: numberA, GroupID: "g", Expiration: expiration}, o))
			}, "dypls:BindAxg", "bind"},
			"unbind": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.UnbindSubscription.Enqueue(ctx, s.queue, dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}, o))
			}, "dypls:UnbindSubscription", "unbind"},
			"update": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.UpdateSubscription.Enqueue(ctx, s.queue, update(), o))
			}, "dypls:UpdateSubscription", "update"},
			"record": {func(o tasks.Option) (string, error) {
				return queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(ctx, s.queue, recording(), o))
			}, "dypls:QueryRecordFileDownloadUrl", "query"},
		} {
			id, err := test.enqueue(tasks.TaskID("order/" + name))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			info, err := s.asynq.GetTaskInfo(test.queued, id+".1")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := &asynq.TaskInfo{
				ID: "order/" + name + ".1", Queue: test.queued, Type: test.typ, Payload: []byte(`{"v":1,"id":"order/` + name + `"}`),
				State: asynq.TaskStatePending, MaxRetry: 1_000_000, Timeout: time.Minute, NextProcessAt: info.NextProcessAt,
			}
			if diff := cmp.Diff(want, info); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if n, err := s.client.SCard(ctx, "asynq:queues").Result(); n != int64(len(dispatch.Queues())) || err != nil {
			t.Errorf("%d queues are named to asynq, %v", n, err)
		}
	})
}

func update() dypls.UpdateSubscriptionRequest {
	return dypls.UpdateSubscriptionRequest{PoolKey: "FC1", SubsID: "1", PhoneNoX: numberX, OperateType: dypls.UpdateNoA, PhoneNoA: numberA}
}

func TestProcessInAndAt(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		now := time.Now()
		tasks.SetClock(s.queue, func() time.Time { return now })
		for name, test := range map[string]struct {
			option tasks.Option
			at     time.Time // zero for at once
		}{
			"in":       {tasks.ProcessIn(20 * time.Minute), now.Add(20 * time.Minute)},
			"at":       {tasks.ProcessAt(now.Add(30 * time.Minute)), now.Add(30 * time.Minute)},
			"in 0":     {tasks.ProcessIn(0), time.Time{}},
			"the past": {tasks.ProcessAt(now.Add(-time.Hour)), time.Time{}},
		} {
			id, err := queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, recording(), tasks.TaskID(fmt.Sprintf("k-%x", name)), test.option))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			info, err := s.asynq.GetTaskInfo("query", id+".1")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if test.at.IsZero() {
				if info.State != asynq.TaskStatePending {
					t.Errorf("%s: %s, want pending", name, info.State)
				}
				continue
			}
			// asynq knows seconds; the task must not start before its time
			if late := info.NextProcessAt.Sub(test.at); info.State != asynq.TaskStateScheduled || late < 0 || late > 2*time.Second {
				t.Errorf("%s: %s %s late", name, info.State, late)
			}
		}
	})
}

// The producer died between the record and asynq: the next Enqueue of the key delivers, at the time
// first asked for.
func TestEnqueueMendsAMissingDelivery(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		request := axn()
		for _, test := range []struct {
			id    string
			in    time.Duration
			state asynq.TaskState
		}{{"now", 0, asynq.TaskStatePending}, {"later", 10 * time.Minute, asynq.TaskStateScheduled}} {
			enqueue := func(in time.Duration) {
				t.Helper()
				if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID(test.id), tasks.ProcessIn(in)); err != nil {
					t.Fatal(err)
				}
			}
			enqueue(test.in)
			if err := s.asynq.DeleteTask("bind", test.id+".1"); err != nil {
				t.Fatal(err)
			}
			enqueue(0)
			info, err := s.asynq.GetTaskInfo("bind", test.id+".1")
			if err != nil || info.State != test.state {
				t.Errorf("%s: %+v, %v", test.id, info, err)
			}
		}
		// what has an outcome, or is being called, needs no delivery
		s.bind(t, "now", dypls.Binding{SubsID: "1", SecretNo: numberX})
		s.begin(t, "later")
		for _, id := range []string{"now", "later"} {
			if err := s.asynq.DeleteTask("bind", id+".1"); err != nil {
				t.Fatal(err)
			}
			if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID(id)); err != nil {
				t.Fatal(err)
			}
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 0 {
			t.Errorf("%d deliveries", len(infos))
		}
	})
}

// asynq's archive remembers a failed delivery for 90 days, the record for one. When the key is used
// again in between, the name of the first delivery is taken, and a task that is not delivered under
// another would never run.
func TestEnqueueAfterTheRecordIsForgotten(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for round := range 3 {
			s.enqueue(t, tasks.TaskID("k"))
			pending, err := s.asynq.ListPendingTasks("bind")
			if err != nil || len(pending) != 1 || string(pending[0].Payload) != `{"v":1,"id":"k"}` {
				t.Fatalf("round %d: %d deliveries, %v", round, len(pending), err)
			}
			if want := fmt.Sprintf("k.%d", round+1); pending[0].ID != want {
				t.Errorf("delivery %s, want %s", pending[0].ID, want)
			}
			s.fail(t, "k")
			if err := s.asynq.ArchiveTask("bind", pending[0].ID); err != nil { // as a worker's verdict does
				t.Fatal(err)
			}
			s.enqueue(t, tasks.TaskID("k")) // while the record is kept, it is the answer
			if pending, err := s.asynq.ListPendingTasks("bind"); err != nil || len(pending) != 0 {
				t.Errorf("round %d: %d deliveries of a task with an outcome, %v", round, len(pending), err)
			}
			s.client.Del(t.Context(), record.Key("k"))
		}
	})
}
