package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// archived waits until asynq has a delivery among its archived ones, and returns its last words.
func (s *workerHarness) archived(t *testing.T, delivery string) string {
	t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(s.redis)
	var words string
	redistest.Poll(t, outcomeWithin, delivery+" to be archived", func(context.Context) error {
		info, err := inspector.GetTaskInfo("bind", delivery)
		if err != nil || info.State != asynq.TaskStateArchived {
			return errors.Join(err, errors.New("not yet"))
		}
		words = info.LastErr
		return nil
	})
	return words
}

// TestRunOfFailedTask: whoever lets asynq run what it had archived means the task to be tried
// again.
func TestRunOfFailedTask(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.NO_AVAILABLE_NUMBER", Times: 1}}}, nil)
	s.bind(t, "order-1")
	if o := s.outcome(t, "order-1"); o.State != tasks.StateFailed {
		t.Fatalf("%+v", o)
	}
	s.archived(t, "order-1.1")
	if err := asynq.NewInspectorFromRedisClient(s.redis).RunTask("bind", "order-1.1"); err != nil {
		t.Fatal(err)
	}
	s.state(t, "order-1", "succeeded")
	if o := s.outcome(t, "order-1"); o.Attempts != 1 || o.Calls != 2 {
		t.Errorf("%+v", o)
	}
	if n := s.performed("BindAxn"); n != 1 {
		t.Errorf("%d binds were performed", n)
	}
	redistest.Poll(t, outcomeWithin, "the failure and the success to be told", func(ctx context.Context) error {
		if told := s.redis.XLen(ctx, "dypls:outcomes").Val(); told != 2 {
			return fmt.Errorf("%d are", told)
		}
		return nil
	})
}

// TestRunOfUncertainTask: it may have taken effect. It is archived again, and says what to do.
func TestRunOfUncertainTask(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter}}}, nil)
	s.bind(t, "order-1")
	if o := s.outcome(t, "order-1"); o.State != tasks.StateUncertain {
		t.Fatalf("%+v", o)
	}
	s.archived(t, "order-1.1")
	if err := asynq.NewInspectorFromRedisClient(s.redis).RunTask("bind", "order-1.1"); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "settle it with dyplsq resolve")
	if words := s.archived(t, "order-1.1"); !strings.Contains(words, "dyplsq resolve order-1") {
		t.Errorf("it says %q", words)
	}
	if calls := len(s.simulator.Ledger()); calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// TestSecondDeliveryOfFailedTask: that a delivery came twice is no wish of anybody's.
func TestSecondDeliveryOfFailedTask(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.NO_AVAILABLE_NUMBER"}}}, nil)
	s.bind(t, "order-1")
	s.outcome(t, "order-1")
	task := asynq.NewTask("dypls:BindAxn", asynqwire.Payload{Version: 1, ID: "order-1"}.Encode())
	if _, err := asynq.NewClientFromRedisClient(s.redis).Enqueue(task, asynq.Queue("bind"), asynq.TaskID("order-1.2")); err != nil {
		t.Fatal(err)
	}
	if words := s.archived(t, "order-1.2"); words != "isv.NO_AVAILABLE_NUMBER (Exhausted)" {
		t.Errorf("it says %q", words)
	}
	if o := s.outcome(t, "order-1"); o.State != tasks.StateFailed || o.Code != "isv.NO_AVAILABLE_NUMBER" || len(s.simulator.Ledger()) != 1 {
		t.Errorf("%+v after %d calls", o, len(s.simulator.Ledger()))
	}
}

// TestCancelOfARecordingWhoseCallWasCut: what only reads can have had no effect, though a worker
// ended during its call.
func TestCancelOfARecordingWhoseCallWasCut(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: 24 * time.Hour}}, nil)
	_, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, recordingRequest(), tasks.TaskID("k"), tasks.ProcessIn(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	run := record.Run{ID: "k", Run: "of a worker that dies", Repeatable: true, Reads: true, Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: maxCrashes, Keep: time.Hour}
	if begun, err := record.NewStore(s.redis).Begin(t.Context(), run); err != nil || begun.Verdict != record.Go {
		t.Fatal(begun, err)
	}
	task := asynq.NewTask("dypls:QueryRecordFileDownloadUrl", []byte(`{"v":1,"id":"k"}`))
	if _, err := asynq.NewClientFromRedisClient(s.redis).Enqueue(task, asynq.Queue("query"), asynq.TaskID("k.9")); err != nil {
		t.Fatal(err)
	}
	s.logged(t, `"class":"NotReady"`)
	s.state(t, "k", "waiting")
	if err := s.queue.Cancel(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "k"); o.Code != dypls.CodeCanceled {
		t.Errorf("it is %s %s", o.State, o.Code)
	}
}

// TestRunOfCanceledTask: what was withdrawn can be wanted after all.
func TestRunOfCanceledTask(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.FLOW_LIMIT"}}}, nil)
	s.bind(t, "order-1")
	redistest.Poll(t, outcomeWithin, "it to be withdrawn between two runs", func(ctx context.Context) error {
		err := s.queue.Cancel(ctx, "order-1")
		if err != nil && !errors.Is(err, tasks.ErrNotCancelable) {
			t.Fatal(err)
		}
		return err
	})
	s.simulator.ClearFaults()
	if words := s.archived(t, "order-1.1"); words != dypls.CodeCanceled+" (Rejected)" {
		t.Errorf("it says %q", words)
	}
	if err := asynq.NewInspectorFromRedisClient(s.redis).RunTask("bind", "order-1.1"); err != nil {
		t.Fatal(err)
	}
	s.state(t, "order-1", "succeeded")
}
