package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestThrottlingUsesUpNoAttempt: even with one attempt only, a task that is throttled is performed
// in the end.
func TestThrottlingUsesUpNoAttempt(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.FLOW_LIMIT", Times: 3}}}, func(c *Config) { c.MaxAttempts = 1 })
	s.bind(t, "throttled")
	if o := s.outcome(t, "throttled"); o.State != tasks.StateSucceeded || o.Attempts != 1 || o.Calls != 4 {
		t.Errorf("%s after %d attempts and %d calls, want succeeded, 1, 4", o.State, o.Attempts, o.Calls)
	}
}

func TestSystemErrorsUseUpAttempts(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isp.SYSTEM_ERROR"}}}, func(c *Config) { c.MaxAttempts = 2 })
	s.bind(t, "broken")
	o := s.outcome(t, "broken")
	if o.State != tasks.StateFailed || o.Code != "isp.SYSTEM_ERROR" || o.Class != dypls.Unavailable || o.Attempts != 2 || o.Calls != 2 {
		t.Errorf("%s %s %s after %d attempts and %d calls", o.State, o.Code, o.Class, o.Attempts, o.Calls)
	}
	inspector := asynq.NewInspectorFromRedisClient(s.redis)
	redistest.Poll(t, outcomeWithin, "the task to be among asynq's failed ones", func(context.Context) error {
		info, err := inspector.GetTaskInfo("bind", "broken.1")
		if err != nil || info.State != asynq.TaskStateArchived {
			return errors.Join(err, errors.New("not archived"))
		}
		if info.LastErr != "isp.SYSTEM_ERROR (Unavailable)" {
			t.Errorf("the dashboard shows %q", info.LastErr)
		}
		return nil
	})
}

// TestDeniedIsHeld: while the account is suspended a task waits; its attempts stay whole.
func TestDeniedIsHeld(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.OUT_OF_SERVICE"}}}, nil)
	s.bind(t, "denied")
	s.logged(t, `"class":"Denied"`)
	redistest.Poll(t, outcomeWithin, "the record to wait", func(ctx context.Context) error {
		view, err := s.queue.View(ctx, "denied")
		if err != nil || view.State != "waiting" {
			return errors.Join(err, errors.New("not yet"))
		}
		if view.Attempts != 0 || view.Code != "isv.OUT_OF_SERVICE" {
			t.Errorf("%d attempts, code %s", view.Attempts, view.Code)
		}
		return nil
	})
}

func TestRecordingNotReady(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: time.Hour}}, nil)
	_, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: dyplstest.DefaultPoolKey, CallID: "call-1", CallTime: dypls.At(time.Now().Add(-time.Minute)),
	}, tasks.TaskID("recording"))
	if err != nil {
		t.Fatal(err)
	}
	s.logged(t, `"class":"NotReady"`)
	if _, err := tasks.QueryRecordFileDownloadURL.Result(t.Context(), s.queue, "recording"); !errors.Is(err, tasks.ErrPending) {
		t.Errorf("error %v, want pending", err)
	}
}

// TestExactRouting: BindAxn is a prefix of BindAxnExtension, and asynq's own mux would take one for
// the other.
func TestExactRouting(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	id, err := queuetest.ID(tasks.BindAXNExtension.Enqueue(t.Context(), s.queue, dypls.BindAXNExtensionRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, id); o.Action != "BindAxnExtension" || s.performed("BindAxnExtension") != 1 || s.performed("BindAxn") != 0 {
		t.Errorf("outcome of %s; performed %d, and %d of BindAxn", o.Action, s.performed("BindAxnExtension"), s.performed("BindAxn"))
	}
}

// TestSecondDelivery: asynq delivers a task again while it is being performed; it is performed
// once.
func TestSecondDelivery(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 2 * time.Second, Performed: true}}}, nil)
	s.bind(t, "twice")
	redistest.Poll(t, outcomeWithin, "the call to be out", func(context.Context) error {
		if s.performed("BindAxn") == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	client := asynq.NewClientFromRedisClient(s.redis)
	for _, delivery := range []string{"twice.2", "twice.3"} {
		if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", []byte(`{"v":1,"id":"twice"}`)), asynq.Queue("bind"), asynq.TaskID(delivery)); err != nil {
			t.Fatal(err)
		}
	}
	o := s.outcome(t, "twice")
	if o.State != tasks.StateSucceeded || o.Calls != 1 || s.performed("BindAxn") != 1 {
		t.Errorf("%s after %d calls, performed %d times", o.State, o.Calls, s.performed("BindAxn"))
	}
}

// panickyCaller fails as a programming error does.
type panickyCaller struct{}

// Call implements [dypls.Caller].
func (panickyCaller) Call(context.Context, dypls.Call) (dypls.Answer, error) {
	panic("13900000001 is in this panic")
}

// TestPanicLeavesBindUncertain: a panic is an outcome. Whether a bind had left is not known then; a
// look-up changes nothing.
func TestPanicLeavesBindUncertain(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, func(c *Config) { c.Caller = panickyCaller{} })
	s.bind(t, "panic")
	if o := s.outcome(t, "panic"); o.State != tasks.StateUncertain || o.Code != dypls.CodePanic {
		t.Errorf("a bind is %s %s", o.State, o.Code)
	}
	id, err := queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: dyplstest.DefaultPoolKey, CallID: "call-1", CallTime: dypls.At(time.Now()),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, id); o.State != tasks.StateFailed || o.Code != dypls.CodePanic {
		t.Errorf("a look-up is %s %s", o.State, o.Code)
	}
	if strings.Contains(s.log.String(), "13900000001") {
		t.Error("the log repeats what the panic said")
	}
}

// TestRecordingResult: the typed result carries when its link expires, and the record goes with it.
func TestRecordingResult(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	id, err := queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(ctx, s.queue, dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: dyplstest.DefaultPoolKey, CallID: "call-1", CallTime: dypls.At(time.Now().Add(-time.Hour)),
	}))
	if err != nil {
		t.Fatal(err)
	}
	recording, err := tasks.QueryRecordFileDownloadURL.Wait(ctx, s.queue, id)
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(recording.ExpiresAt)
	if left < 119*time.Minute || left > 2*time.Hour || !recording.ExpiresAt.Equal(recording.DownloadURL.ExpiresAt()) {
		t.Errorf("the link is said to work for %s", left)
	}
	if ttl := s.redis.PTTL(ctx, "dypls:{"+id+"}").Val(); ttl > left+time.Second || ttl < left-10*time.Second {
		t.Errorf("the record lives for %s, its link for %s", ttl, left)
	}
}
