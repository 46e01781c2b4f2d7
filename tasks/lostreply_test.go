package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// What comes with every third script loses its reply: each step is carried out, told as an error by
// the connection, and made again.
func everyThirdScript() func(request []byte) bool {
	n := 0
	return func(request []byte) bool {
		if !bytes.Contains(bytes.ToLower(request), []byte("\r\neval")) {
			return false
		}
		n++
		return n%3 == 1
	}
}

func TestLostRepliesAreNoErrors(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("first")) // from here on the server knows the scripts
		p := startProxy(t, s.url, everyThirdScript())
		queue := open(t, p.url())
		if id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID("keyed"))); id != "keyed" || err != nil {
			t.Fatalf("%q, %v", id, err)
		}
		if p.losses() < 1 {
			t.Error("no reply was lost")
		}
		if id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), queue, axn())); id == "" || err != nil {
			t.Errorf("without a key: %q, %v", id, err)
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 3 {
			t.Errorf("%d deliveries of 3 tasks", len(infos))
		}
	})
}

func TestBatchWithLostReplies(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const many = 500 // some round trips
		// a batch is told to have failed after three in one step: five times at the most
		const losses = 15
		s.enqueue(t, tasks.TaskID("first"))
		n, lost := 0, 0
		p := startProxy(t, s.url, func(request []byte) bool {
			n++
			if n%3 != 0 || lost == losses || !bytes.Contains(bytes.ToLower(request), []byte("\r\neval")) {
				return false
			}
			lost++
			return true
		})
		var want []string
		var batch []tasks.Item[dypls.BindAXNRequest]
		for i := range many {
			want = append(want, fmt.Sprint("k-", i))
			batch = append(batch, item(want[i]))
		}
		ids, err := tasks.BindAXN.EnqueueAll(t.Context(), open(t, p.url()+slowly), batch)
		// A step that fails three times in a row is told, and the batch may be enqueued again under the
		// same keys.
		for try := 0; errors.Is(err, tasks.ErrUnreachable) && try < 5; try++ {
			ids, err = tasks.BindAXN.EnqueueAll(t.Context(), open(t, p.url()+slowly), batch)
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%v, %v", ids, err)
		}
		if infos := s.deliveries(t, "bind"); len(infos) != many+1 || p.losses() == 0 {
			t.Errorf("%d deliveries of %d tasks, %d replies lost", len(infos), many+1, p.losses())
		}
	})
}

// With all replies lost it cannot be known whether the task was taken; the same key again finds
// out.
func TestAllRepliesLost(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	p := startProxy(t, s.url, func(request []byte) bool { return bytes.Contains(bytes.ToLower(request), []byte("\r\neval")) })
	if _, err := tasks.BindAXN.Enqueue(t.Context(), open(t, p.url()), axn(), tasks.TaskID("k")); !errors.Is(err, tasks.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
	s.enqueue(t, tasks.TaskID("k"))
	if infos := s.deliveries(t, "bind"); len(infos) != 1 {
		t.Errorf("%d deliveries", len(infos))
	}
}

func TestRedisDown(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	queue := open(t, server.URL())
	server.Kill()
	steps := map[string]func(context.Context) error{
		"enqueue": func(ctx context.Context) error { _, err := tasks.BindAXN.Enqueue(ctx, queue, axn()); return err },
		"result":  func(ctx context.Context) error { _, err := tasks.BindAXN.Result(ctx, queue, "k"); return err },
		"results": func(ctx context.Context) error {
			_, err := tasks.BindAXN.Results(ctx, queue, []string{"k"})
			return err
		},
		"wait": func(ctx context.Context) error { _, err := tasks.BindAXN.Wait(ctx, queue, "k"); return err },
		"wait all": func(ctx context.Context) error {
			_, err := tasks.BindAXN.WaitAll(ctx, queue, []string{"k"})
			return err
		},
		"view": func(ctx context.Context) error { _, err := queue.View(ctx, "k"); return err },
		"ping": queue.Ping,
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// the answer comes after 2 s where nothing else runs
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			if err := step(ctx); !errors.Is(err, tasks.ErrUnreachable) || ctx.Err() != nil {
				t.Errorf("%v, want ErrUnreachable", err)
			}
			t.Logf("after %s", time.Since(start))
		})
	}
}
