package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// cutIn is a hook that lets others come in between two commands of the first pipeline with scripts
// in it, as many others do between two pieces of a request that Redis reads one after the other.
type cutIn struct {
	before int // the script of the pipeline, counted from 0
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
		var scripts []int
		for i, cmd := range cmds {
			if cmd.Name() == "evalsha" {
				scripts = append(scripts, i)
			}
		}
		if len(scripts) <= c.before || !c.done.CompareAndSwap(false, true) {
			return next(ctx, cmds)
		}
		at := scripts[c.before]
		var first error
		if at > 0 {
			first = next(ctx, cmds[:at])
		}
		c.others(ctx)
		err := next(ctx, cmds[at:])
		c.behind(ctx)
		return errors.Join(first, err)
	}
}

// TestScriptFlushInABatch: somebody has Redis forget its scripts while a batch is being enqueued.
// Every task is performed once, also where Redis knows asynq's script again, because another
// program enqueued a moment later, and where workers have performed what came before by the time
// that the rest comes.
func TestScriptFlushInABatch(t *testing.T) {
	t.Parallel()
	const many = 20
	for name, test := range map[string]struct {
		before             int
		enqueued, performs bool // by others meanwhile
	}{
		"before the first":                    {},
		"in the middle":                       {before: many / 2},
		"before the last":                     {before: many - 1},
		"asynq's script is known again":       {before: many / 2, enqueued: true},
		"a worker is ahead of the rest":       {before: many / 2, performs: true},
		"both, though nothing of it is there": {enqueued: true, performs: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, redistest.Start(t).URL())
			// Nobody sweeps meanwhile: what enqueueing lost would be delivered half a minute later, and the
			// test could not tell.
			if err := s.client.Set(t.Context(), "dypls:reaper", "the test's", time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
			s.enqueueThrough(t, s.client, "warm", many) // Redis knows every script
			if test.performs {
				t.Cleanup(startWorker(t, s.url))
			}
			hook := &cutIn{before: test.before, others: func(ctx context.Context) { s.forgetScripts(ctx, t, test.enqueued) }}
			hook.behind = func(ctx context.Context) {
				if test.performs && test.before > 0 {
					s.performedOnce(ctx, t, "task", test.before)
				}
			}
			s.enqueueThrough(t, s.clientWith(t, hook), "task", many)
			if !hook.done.Load() {
				t.Fatal("nobody came in between")
			}
			if !test.performs {
				t.Cleanup(startWorker(t, s.url))
			}
			s.performedOnce(t.Context(), t, "task", many)
		})
	}
}

func (s server) performedOnce(ctx context.Context, t *testing.T, name string, many int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i := range many {
		if o, err := s.queue.Wait(ctx, fmt.Sprint(name, "-", i)); err != nil || o.State != tasks.StateSucceeded || o.Calls != 1 {
			t.Errorf("task %d: %s after %d calls, %v", i, o.State, o.Calls, err)
		}
	}
}

// forgetScripts has Redis forget its scripts, and know asynq's again where another program enqueues
// a moment later.
func (s server) forgetScripts(ctx context.Context, t *testing.T, other bool) {
	t.Helper()
	if err := s.client.ScriptFlush(ctx).Err(); err != nil {
		t.Error(err)
	}
	if !other {
		return
	}
	if _, err := asynq.NewClientFromRedisClient(s.client).EnqueueContext(ctx, asynq.NewTask("other", nil), asynq.Queue("other")); err != nil {
		t.Error(err)
	}
}

func (s server) clientWith(t *testing.T, hook redis.Hook) *redis.Client {
	t.Helper()
	options, err := tasks.ParseRedisURL(s.url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	client.AddHook(hook)
	return client
}

// enqueueThrough enqueues a batch of binds through a client. The platform chooses X: a second call
// would be a second binding.
func (s server) enqueueThrough(t *testing.T, client *redis.Client, name string, many int) {
	t.Helper()
	queue := queuetest.On(t, client)
	batch := make([]tasks.Item[dypls.BindAXNRequest], many)
	for i := range batch {
		request := axn()
		request.PoolKey, request.PhoneNoX = dyplstest.DefaultPoolKey, ""
		batch[i] = tasks.Item[dypls.BindAXNRequest]{Request: request, Options: []tasks.Option{tasks.TaskID(fmt.Sprint(name, "-", i))}}
	}
	if _, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, batch); err != nil {
		t.Fatal(err)
	}
}
