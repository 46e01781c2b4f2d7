package tasks_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// asks is every way to ask something of a queue.
var asks = map[string]func(context.Context, *tasks.Queue) error{
	"Ping": func(ctx context.Context, q *tasks.Queue) error { return q.Ping(ctx) },
	"Enqueue": func(ctx context.Context, q *tasks.Queue) error {
		_, err := tasks.BindAXN.Enqueue(ctx, q, axn())
		return err
	},
	"Outcome":   func(ctx context.Context, q *tasks.Queue) error { _, err := q.Outcome(ctx, "k"); return err },
	"Wait":      func(ctx context.Context, q *tasks.Queue) error { _, err := q.Wait(ctx, "k"); return err },
	"Uncertain": func(ctx context.Context, q *tasks.Queue) error { _, err := q.Uncertain(ctx); return err },
	"View":      func(ctx context.Context, q *tasks.Queue) error { _, err := q.View(ctx, "k"); return err },
	"Explain":   func(ctx context.Context, q *tasks.Queue) error { _, err := q.Explain(ctx, "k"); return err },
	"Cancel":    func(ctx context.Context, q *tasks.Queue) error { return q.Cancel(ctx, "k") },
	"Rerun":     func(ctx context.Context, q *tasks.Queue) error { _, err := q.Rerun(ctx, "k", "me"); return err },
	"Retry":     func(ctx context.Context, q *tasks.Queue) error { return q.Retry(ctx, "k", "me") },
	"Count": func(ctx context.Context, q *tasks.Queue) error {
		_, err := q.Count(ctx, tasks.Filter{})
		return err
	},
	"Parameters": func(ctx context.Context, q *tasks.Queue) error { _, err := q.Parameters(ctx, "k"); return err },
	"Resolve": func(ctx context.Context, q *tasks.Queue) error {
		return q.Resolve(ctx, "k", tasks.ResolveRetry("me"))
	},
	"Stats":  func(ctx context.Context, q *tasks.Queue) error { _, err := q.Stats(ctx); return err },
	"Pause":  func(ctx context.Context, q *tasks.Queue) error { return q.Pause(ctx, "bind") },
	"Resume": func(ctx context.Context, q *tasks.Queue) error { return q.Resume(ctx, "bind") },
	"Follow": func(ctx context.Context, q *tasks.Queue) error {
		return q.Follow(ctx, "g", "a", func(context.Context, tasks.Outcome) error { return nil })
	},
}

// A queue is closed while it is asked: whoever asked learns that, not that Redis is out of reach.
// Redis does not answer, so that each question is under way, on a connection that was there before
// or is being made.
func TestCloseMeanwhile(t *testing.T) {
	t.Parallel()
	for name, connected := range map[string]bool{"connected": true, "connecting": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisServer := redistest.Start(t)
			var sent atomic.Int64
			p := startProxy(t, redisServer.URL(), func([]byte) bool { sent.Add(1); return false })
			queues := map[string]*tasks.Queue{}
			for ask := range asks {
				queues[ask] = open(t, p.url()+"?read_timeout=5m")
				if !connected {
					continue
				}
				if err := queues[ask].Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			defer redisServer.Freeze(t)()
			for ask, do := range asks {
				before, told := sent.Load(), make(chan error, 1)
				go func() { told <- do(context.WithoutCancel(t.Context()), queues[ask]) }()
				redistest.Poll(t, time.Minute, ask+" to be under way", func(context.Context) error {
					if sent.Load() == before {
						return errors.New("not yet")
					}
					return nil
				})
				_ = queues[ask].Close()
				select {
				case err := <-told:
					if !errors.Is(err, tasks.ErrClosed) || errors.Is(err, tasks.ErrUnreachable) {
						t.Errorf("%s: %v", ask, err)
					}
				case <-time.After(time.Minute):
					t.Errorf("%s: is never told", ask)
				}
			}
		})
	}
}

// A queue on a client of the application's own ends who follows, too.
func TestCloseEndsWhoFollows(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	queue := queuetest.On(t, s.client)
	c := follow(t, queue, "g", "a", nil)
	s.enqueue(t, tasks.TaskID("k"))
	s.fail(t, "k")
	c.wants(t, "k failed")
	if err := queue.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-c.done:
		if !errors.Is(err, tasks.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("is never told that the queue was closed")
	}
}
