package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const followWithin = 2 * time.Minute

// consumer collects what it is handed.
type consumer struct {
	stop context.CancelFunc
	done chan error

	mu       sync.Mutex
	outcomes []tasks.Outcome
	refuse   func(tasks.Outcome) error
}

func (c *consumer) handle(_ context.Context, o tasks.Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		if err := c.refuse(o); err != nil {
			return err
		}
	}
	c.outcomes = append(c.outcomes, o)
	return nil
}

// got returns "id state" of everything it took, in order.
func (c *consumer) got() (got []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.outcomes {
		got = append(got, o.ID+" "+string(o.State))
	}
	return got
}

func (c *consumer) wants(t *testing.T, want ...string) {
	t.Helper()
	redistest.Poll(t, followWithin, fmt.Sprintf("%q", want), func(context.Context) error {
		if got := c.got(); !slices.Equal(got, want) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

func (c *consumer) end(t *testing.T) {
	t.Helper()
	c.stop()
	if err := <-c.done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow ended with %v", err)
	}
}

func follow(t *testing.T, queue *tasks.Queue, group, name string, refuse func(tasks.Outcome) error, options ...tasks.FollowOption) *consumer {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &consumer{stop: stop, done: make(chan error, 1), refuse: refuse}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.done <- queue.Follow(ctx, group, name, c.handle, options...)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return c
}

// acknowledged waits until a group has nothing unfinished.
func (s server) acknowledged(t *testing.T, group string) {
	t.Helper()
	redistest.Poll(t, followWithin, "all to be acknowledged", func(ctx context.Context) error {
		p, err := s.client.XPending(ctx, record.Stream, group).Result()
		if err != nil || p.Count == 0 {
			return err
		}
		return fmt.Errorf("%d are not", p.Count)
	})
}
