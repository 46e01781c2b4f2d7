package tasks_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// silent is a server that takes connections, and never answers. heard counts what it was sent.
func silent(t *testing.T, heard *atomic.Int64) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buffer := make([]byte, 4<<10)
				for {
					n, err := conn.Read(buffer)
					heard.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// TestCloseCutsCallsOff: whoever still waits for an answer is told that the queue is closed, and not that Redis is out of reach.
func TestCloseCutsCallsOff(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *tasks.Queue) error{
		"Ping": func(ctx context.Context, q *tasks.Queue) error { return q.Ping(ctx) },
		"Enqueue": func(ctx context.Context, q *tasks.Queue) error {
			_, err := tasks.BindAXN.Enqueue(ctx, q, axn())
			return err
		},
		"Result": func(ctx context.Context, q *tasks.Queue) error {
			_, err := tasks.BindAXN.Result(ctx, q, "k")
			return err
		},
		"Wait": func(ctx context.Context, q *tasks.Queue) error {
			_, err := tasks.BindAXN.Wait(ctx, q, "k")
			return err
		},
		"Cancel": func(ctx context.Context, q *tasks.Queue) error { return q.Cancel(ctx, "k") },
		"Resolve": func(ctx context.Context, q *tasks.Queue) error {
			return q.Resolve(ctx, "k", tasks.Resolution{Failed: true})
		},
		"Follow": func(ctx context.Context, q *tasks.Queue) error {
			return q.Follow(ctx, "g", "c", func(context.Context, tasks.Outcome) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard atomic.Int64
			queue := open(t, "redis://"+silent(t, &heard)+"/0?read_timeout=1m&dial_timeout=1m")
			ended := make(chan error, 1)
			go func() { ended <- call(t.Context(), queue) }()
			redistest.Poll(t, time.Minute, "a command", func(context.Context) error {
				if heard.Load() == 0 {
					return errors.New("nothing was sent")
				}
				return nil
			})
			if err := queue.Close(); err != nil {
				t.Error(err)
			}
			select {
			case err := <-ended:
				if !errors.Is(err, tasks.ErrClosed) || errors.Is(err, tasks.ErrUnreachable) {
					t.Errorf("%v", err)
				}
			case <-time.After(time.Minute):
				t.Error("the call goes on")
			}
		})
	}
}
