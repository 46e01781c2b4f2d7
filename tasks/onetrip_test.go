package tasks_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// tripNotes are the names of the commands that begin each round trip, without the greetings of new
// connections.
type tripNotes struct{ trips []string }

func (*tripNotes) DialHook(next redis.DialHook) redis.DialHook { return next }

func (n *tripNotes) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "hello" {
			n.trips = append(n.trips, cmd.Name())
		}
		return next(ctx, cmd)
	}
}

func (n *tripNotes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "client" {
			n.trips = append(n.trips, fmt.Sprint(len(cmds), " ", cmds[0].Name()))
		}
		return next(ctx, cmds)
	}
}

// TestEnqueueTakesOneRoundTrip: a task is recorded, handed over and announced, or told to be known
// or another's, in one. Only a rule of time that is broken makes it look whether the key is known.
func TestEnqueueTakesOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	notes := &tripNotes{}
	client := redis.NewClient(s.client.Options())
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(notes)
	queue := queuetest.On(t, client)
	enqueue := func(request dypls.BindAXNRequest, options ...tasks.Option) error {
		_, err := tasks.BindAXN.Enqueue(t.Context(), queue, request, options...)
		return err
	}
	// the queue is named, the scripts are known
	for _, option := range []tasks.Option{tasks.ProcessIn(0), tasks.ProcessIn(time.Hour / 2)} {
		if err := enqueue(axn(), option); err != nil {
			t.Fatal(err)
		}
	}
	if err := enqueue(axn(), tasks.TaskID("bound")); err != nil {
		t.Fatal(err)
	}
	s.bind(t, "bound", dypls.Binding{SubsID: "1", SecretNo: numberX})
	other, late := axn(), axn()
	other.PhoneNoB, late.Expiration = "15812345670", dypls.At(time.Now())
	for _, step := range []struct {
		name    string
		request dypls.BindAXNRequest
		options []tasks.Option
		refused bool
		want    []string
	}{
		{"without a key", axn(), nil, false, []string{"evalsha"}},
		{"a new key", axn(), []tasks.Option{tasks.TaskID("new")}, false, []string{"evalsha"}},
		{"for later", axn(), []tasks.Option{tasks.TaskID("later"), tasks.ProcessIn(time.Hour / 2)}, false, []string{"evalsha"}},
		{"a known key that is over", axn(), []tasks.Option{tasks.TaskID("bound")}, false, []string{"evalsha"}},
		{"another request", other, []tasks.Option{tasks.TaskID("bound")}, true, []string{"evalsha"}},
		{"too late for a new key", late, []tasks.Option{tasks.TaskID("k")}, true, []string{"1 hmget"}},
	} {
		notes.trips = nil
		if err := enqueue(step.request, step.options...); err != nil != step.refused {
			t.Errorf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, notes.trips); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	var items []tasks.Item[dypls.BindAXNRequest]
	for i := range 90 {
		items = append(items, item(fmt.Sprint("batch-", i)))
	}
	for _, step := range []struct {
		name  string
		items []tasks.Item[dypls.BindAXNRequest]
		want  []string
	}{
		{"a batch of new keys", items[:80], []string{"exists", "80 evalsha"}},
		{"with one that is known", append(items[80:], item("bound")), []string{"exists", "11 hmget", "10 evalsha"}},
	} {
		notes.trips = nil
		if _, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, step.items); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, notes.trips); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// onSlots returns a queue on a Redis that refuses scripts on keys of several slots, as proxies do.
func onSlots(t *testing.T) (s server, slots *tasks.Queue) {
	t.Helper()
	redisServer := redistest.Start(t)
	s = newServer(t, redisServer.URL())
	check := redistest.StartScriptCheck(t, redisServer, true)
	return s, open(t, "redis://"+check.Addr+"/0")
}

// TestEnqueueWhereRedisHasSlots: behind a proxy that refuses the one script, a task is recorded and
// handed over by several. What is known by its key is left as it is, and what is over is not told
// again.
func TestEnqueueWhereRedisHasSlots(t *testing.T) {
	t.Parallel()
	s, queue := onSlots(t)
	enqueue := func(key string, options ...tasks.Option) {
		t.Helper()
		if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), append(options, tasks.TaskID(key))...); err != nil {
			t.Fatal(err)
		}
	}
	enqueue("now")
	enqueue("later", tasks.ProcessIn(time.Hour/2))
	enqueue("now")
	enqueue("bound")
	s.bind(t, "bound", dypls.Binding{SubsID: "1", SecretNo: numberX})
	if err := s.asynq.DeleteTask("bind", "bound.1"); err != nil {
		t.Fatal(err)
	}
	listed := func() []string {
		t.Helper()
		opened, err := s.store.Opened(t.Context(), "now", "later", "bound")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, o := range opened {
			for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
				if s.client.ZScore(t.Context(), key, o.ID).Err() == nil {
					ids = append(ids, o.ID)
				}
			}
		}
		return ids
	}
	if err := s.store.Tell(t.Context(), []record.Open{{ID: "bound", State: record.Succeeded}}); err != nil {
		t.Fatal(err)
	}
	enqueue("bound")
	if diff := cmp.Diff([]string{"now", "later"}, listed()); diff != "" {
		t.Errorf("in the index (-want +got):\n%s", diff)
	}
	var items []tasks.Item[dypls.BindAXNRequest]
	for i := range 600 {
		items = append(items, item(fmt.Sprint("batch-", i)))
	}
	items = append(items, item("now"))
	if _, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, items); err != nil {
		t.Fatal(err)
	}
	if infos := s.deliveries(t, "bind"); len(infos) != 602 {
		t.Errorf("%d deliveries of 602 tasks", len(infos))
	}
}

// TestWhatIsKnownIsNotHandedOverAgain: a delivery beside the one that a task has would make its
// next try early.
func TestWhatIsKnownIsNotHandedOverAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		for delivery := range int64(2) {
			if _, err := queuetest.Dispatcher(s.client, 1).Redeliver(t.Context(), "k", delivery+1); err != nil {
				t.Fatal(err)
			}
			if err := s.asynq.DeleteTask("bind", fmt.Sprint("k.", delivery+1)); err != nil {
				t.Fatal(err)
			}
		}
		s.enqueue(t, tasks.TaskID("k"))
		other := axn()
		other.PhoneNoB = "15812345670"
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, other, tasks.TaskID("k")); err == nil {
			t.Error("another request is not refused")
		}
		var ids []string
		for _, info := range s.deliveries(t, "bind") {
			ids = append(ids, info.ID)
		}
		if !slices.Equal(ids, []string{"k.3"}) {
			t.Errorf("deliveries %q, want the third alone", ids)
		}
	})
}
