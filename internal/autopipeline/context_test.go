package autopipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// count is a script that leaves a trace.
func count(ctx context.Context, client redis.UniversalClient) error {
	return client.Eval(ctx, `return redis.call('INCR', KEYS[1])`, []string{"count"}).Err()
}

func (w world) counted(t *testing.T) int {
	t.Helper()
	n, err := w.plain.Get(t.Context(), "count").Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return n
}

func TestOverBeforeItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := count(ctx, w.shared); !errors.Is(err, context.Canceled) || w.counted(t) != 0 {
		t.Errorf("%v, counted %d", err, w.counted(t))
	}
}

// lateContext is one whose deadline is over when the test says so.
type lateContext struct {
	context.Context
	over chan struct{}
}

func late(ctx context.Context) (context.Context, context.CancelFunc) {
	c := lateContext{ctx, make(chan struct{})}
	return c, sync.OnceFunc(func() { close(c.over) })
}

// Done implements [context.Context].
func (c lateContext) Done() <-chan struct{} { return c.over }

// Err implements [context.Context].
func (c lateContext) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestOverWhileItWaits: the caller leaves at once, and its command does not leave any more.
func TestOverWhileItWaits(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		"canceled": {context.WithCancel, context.Canceled},
		"late":     {late, context.DeadlineExceeded},
	}
	for name, test := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			release := w.holdSenders(t)
			ctx, end := test.end(t.Context())
			defer end()
			left := make(chan error)
			go func() { left <- count(ctx, w.shared) }()
			w.pollWaiting(t, 1)
			end()
			if err := <-left; !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			release()
			w.poll(t, "the senders to leave", func() bool { return w.sending == 0 })
			if n := w.counted(t); n != 0 {
				t.Errorf("carried out %d times after its caller had left", n)
			}
		})
	}
}

// TestOverOnTheWay: the caller leaves at once; its command is carried out, once, and others of its
// pipeline are not cut short.
func TestOverOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- count(ctx, w.shared) }()
	w.poll(t, "the command to leave", func() bool { return w.sending == 1 && len(w.waiting) == 0 })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
	release()
	redistest.Poll(t, within, "the command to be carried out", func(context.Context) error {
		if w.counted(t) != 1 { //nolint:contextcheck // the test's own
			return errors.New("not yet")
		}
		return nil
	})
}

// TestALostReplyIsNotSentAgain, although the client would: every caller of the pipeline hears of
// it.
func TestALostReplyIsNotSentAgain(t *testing.T) {
	t.Parallel()
	const retries = 5
	t.Run("one Redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		client := redis.NewClient(&redis.Options{
			Addr: redistest.Lossy(t, server.Addr, "INCR"), ContextTimeoutEnabled: true, MaxRetries: retries,
		})
		t.Cleanup(func() { _ = client.Close() })
		newWorldOn(t, client, server.Client(t)).losesReplies(t)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		nodes := redistest.StartMasters(t, 1)
		client := nodes.ClientBehind(t, func(node *redistest.Server) string { return redistest.Lossy(t, node.Addr, "INCR") })
		newWorldOn(t, client, nodes[0].Client(t)).losesReplies(t)
	})
}

func (w world) losesReplies(t *testing.T) {
	t.Helper()
	const callers = 20
	release := w.holdSenders(t)
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			err := count(t.Context(), w.shared)
			if _, answered := errors.AsType[redis.Error](err); err == nil || answered {
				t.Errorf("error %v, want one of the connection", err)
			}
		})
	}
	w.pollWaiting(t, callers)
	release()
	calling.Wait()
	if n := w.counted(t); n != callers {
		t.Errorf("carried out %d times, want %d", n, callers)
	}
	if err := w.shared.Eval(t.Context(), `return 1`, nil).Err(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestRedisAway: everybody is told, and all is well when it is back.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorldOn(t, server.Client(t), server.Client(t))
	server.Kill()
	var calling sync.WaitGroup
	for range 50 {
		calling.Go(func() {
			if count(t.Context(), w.shared) == nil {
				t.Error("no error without Redis")
			}
		})
	}
	calling.Wait()
	server.Restart(t)
	redistest.Poll(t, within, "a script to be carried out again", func(ctx context.Context) error { return count(ctx, w.shared) })
}

// TestManyAtOnce is for the race detector: callers that leave at any moment, beside others that
// must get what is theirs.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var calling sync.WaitGroup
	for i := range 64 {
		calling.Go(func() {
			for range 100 {
				ctx, cancel := t.Context(), func() {}
				if i%2 == 0 {
					ctx, cancel = context.WithTimeout(ctx, rand.N(time.Millisecond))
				}
				cmd := echo.Run(ctx, w.shared, nil, i)
				got, err := cmd.Int()
				if err == nil && got != i || err != nil && ctx.Err() == nil {
					t.Errorf("got %d, %v, want %d", got, err, i)
				}
				cancel()
			}
		})
	}
	calling.Wait()
}
