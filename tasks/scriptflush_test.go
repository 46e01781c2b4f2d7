package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// cutIn is a hook that lets others come in between two commands of the first pipeline with scripts in it, as many others do between
// two pieces of a request that Redis reads one after the other.
type cutIn struct {
	after  int // so many scripts of the pipeline
	others func(context.Context)
	behind func(context.Context) // once all of the pipeline has been carried out
	done   atomic.Bool
}

// DialHook implements [redis.Hook].
func (*cutIn) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (*cutIn) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (c *cutIn) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		loads := slices.IndexFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Name() == "script" })
		if loads < 0 || !c.done.CompareAndSwap(false, true) {
			return next(ctx, cmds)
		}
		at := loads + 1 + c.after
		first := next(ctx, cmds[:at])
		c.others(ctx)
		err := next(ctx, cmds[at:])
		c.behind(ctx)
		return errors.Join(first, err)
	}
}

// TestScriptFlushInABatch: somebody has Redis forget its scripts while a batch is being enqueued, behind the one command that was to
// make sure that it knows them. Every task is performed once, also where its delivery overtook its record because another
// program had Redis know asynq's script again, and where a worker has archived such deliveries by the time that the records come.
func TestScriptFlushInABatch(t *testing.T) {
	t.Parallel()
	const many = 20
	for name, test := range map[string]struct {
		after                int
		overtaken, performed bool
	}{
		"before the first":                      {},
		"in the middle":                         {after: many},
		"the deliveries overtake":               {overtaken: true},
		"some deliveries overtake":              {after: many, overtaken: true},
		"and are archived before the records":   {overtaken: true, performed: true},
		"some are archived before their record": {after: many, overtaken: true, performed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, redistest.Start(t).URL())
			s.enqueue(t, tasks.TaskID("first")) // asynq's script is known, too
			if test.performed {
				t.Cleanup(startWorker(t, s.url))
			}
			hook := &cutIn{after: test.after}
			hook.others = func(ctx context.Context) {
				if err := s.client.ScriptFlush(ctx).Err(); err != nil {
					t.Error(err)
				}
				if !test.overtaken {
					return
				}
				if _, err := asynq.NewClientFromRedisClient(s.client).EnqueueContext(ctx, asynq.NewTask("other", nil), asynq.Queue("other")); err != nil {
					t.Error(err)
				}
			}
			hook.behind = func(context.Context) {
				if !test.performed {
					return
				}
				redistest.Poll(t, time.Minute, "a delivery to be archived", func(context.Context) error {
					if archived, err := s.asynq.ListArchivedTasks("bind"); err != nil || len(archived) == 0 {
						return errors.Join(errors.New("not yet"), err)
					}
					return nil
				})
			}
			options, err := tasks.ParseRedisURL(s.url)
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(options)
			client.AddHook(hook)
			queue := tasks.NewQueue(client)
			t.Cleanup(func() { _ = queue.Close() })
			var batch []tasks.Item[dypls.BindAXNRequest]
			for i := range many {
				request := axn()
				request.PoolKey, request.PhoneNoX = dyplstest.DefaultPoolKey, "" // the platform chooses: a second call would be a second binding
				batch = append(batch, tasks.Item[dypls.BindAXNRequest]{Request: request, Options: []tasks.Option{tasks.TaskID(fmt.Sprint("task-", i))}})
			}
			if _, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, batch); err != nil {
				t.Fatal(err)
			}
			if !hook.done.Load() {
				t.Fatal("nobody came in between")
			}
			if !test.performed {
				t.Cleanup(startWorker(t, s.url))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			for i := range many {
				if o, err := queue.Wait(ctx, fmt.Sprint("task-", i)); err != nil || o.State != tasks.StateSucceeded || o.Calls != 1 {
					t.Errorf("task %d: %s after %d calls, %v", i, o.State, o.Calls, err)
				}
			}
		})
	}
}
