package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// observations is an observer that keeps what it is told.
type observations struct {
	mu   sync.Mutex
	told map[string]int
}

func (o *observations) add(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told[text]++
}

func (o *observations) Attempted(_, action string, class dypls.Class, code string) {
	o.add(fmt.Sprint("attempted ", action, " ", class, " ", code))
}
func (o *observations) Called(action string, _ time.Duration) { o.add("called " + action) }
func (o *observations) Queued(queue string, _ time.Duration)  { o.add("queued " + queue) }
func (o *observations) Ended(action, state string)            { o.add("ended " + action + " " + state) }
func (o *observations) Waited(string, time.Duration)          {}
func (o *observations) Surplus(action string)                 { o.add("surplus " + action) }
func (o *observations) Forgot()                               { o.add("forgot") }
func (o *observations) all() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.told)
}

// TestObserver: each attempt, call and end is told once, whichever way a task comes to its end, and
// every queue is seen to be polled.
func TestObserver(t *testing.T) {
	t.Parallel()
	told := &observations{told: map[string]int{}}
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"OutId": "none"}, Code: "isv.NO_AVAILABLE_NUMBER"},
		{Match: map[string]string{"OutId": "again"}, Code: "isv.FLOW_LIMIT", First: 1},
		{Match: map[string]string{"OutId": "lost"}, Do: dyplstest.DropAfter},
	}}, func(c *Config) { c.Observer = told })
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
		"attempted BindAxn  OK": 2, "attempted BindAxn Exhausted isv.NO_AVAILABLE_NUMBER": 1, "attempted BindAxn Throttled isv.FLOW_LIMIT": 1,
		"attempted BindAxn Uncertain dyplsq.NoAnswer": 1, "called BindAxn": 5,
		"ended BindAxn succeeded": 2, "ended BindAxn failed": 2, "ended BindAxn uncertain": 1,
	}
	redistest.Poll(t, outcomeWithin, "everything to be told", func(context.Context) error {
		got := told.all()
		delete(got, "queued bind") // a sample
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	if told.all()["queued bind"] == 0 {
		t.Error("no time in the queue was told")
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
	redistest.Poll(t, outcomeWithin, "every queue to be polled", func(context.Context) error {
		for queue, at := range w.Status().Polled {
			if at.IsZero() {
				return errors.New(queue)
			}
		}
		return nil
	})
	if got := w.Status().Phase; got != Performing {
		t.Errorf("while it runs: %s", got)
	}
	stop()
	running.Wait()
	if got := w.Status().Phase; got != Draining {
		t.Errorf("when it has ended: %s", got)
	}
}
