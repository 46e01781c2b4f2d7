package tasks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Whoever waits does not notice that Redis was away, even if the outcome came while the
// subscription was.
func TestWaitAcrossARestart(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newServer(t, redisServer.URL())
	before, during := s.enqueue(t), s.enqueue(t)
	reading := make(chan struct{}, 100)
	queue := s.hooked(t, &readHook{after: func(int64) { reading <- struct{}{} }})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var waiting sync.WaitGroup
	for _, id := range []string{before, during} {
		waiting.Go(func() {
			if got, err := tasks.BindAXN.Wait(ctx, queue, id); err != nil || got != binding {
				t.Errorf("%s: %v, %v", id, got, err)
			}
		})
	}
	for range 2 { // from the first read on, an absence of Redis is waited out
		<-reading
	}
	redisServer.Kill()
	redisServer.Restart(t)
	s.bind(t, during, binding) // most likely before the queue has subscribed again
	s.bind(t, before, binding)
	waiting.Wait()
}

// A Redis that forgets everything at a restart cannot tell what came of a task: waiting on would be
// for nothing.
func TestWaitAfterRedisForgot(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t)
	s := newServer(t, redisServer.URL())
	id := s.enqueue(t)
	reading := make(chan struct{}, 100)
	queue := s.hooked(t, &readHook{after: func(int64) { reading <- struct{}{} }})
	told := make(chan error, 1)
	ctx := patience(t)
	go func() {
		_, err := tasks.BindAXN.Wait(ctx, queue, id)
		told <- err
	}()
	<-reading
	redisServer.Kill()
	redisServer.Restart(t)
	if err := <-told; !errors.Is(err, tasks.ErrUnknownTask) {
		t.Errorf("%v, want ErrUnknownTask", err)
	}
}
