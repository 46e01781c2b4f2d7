package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

const (
	namedPool  = "FC100000000002" // binds into it name their X
	chosenPool = "FC100000000003" // the platform picks

	enqueuers = 64
	pollEvery = time.Second
	reportAt  = 30 // polls
)

// simulated is the service: one answer in ten lost after the bind was made, every other one after
// 30 ms. The chosen pool has numbers enough for every bind to be made thrice.
func simulated(n int) dyplstest.Config {
	return dyplstest.Config{
		Pools: []dyplstest.Pool{
			{Key: namedPool, Numbers: dyplstest.Numbers("171", n)}, {Key: chosenPool, Numbers: dyplstest.Numbers("172", 2*n)},
		},
		Faults: []dyplstest.Fault{
			{Action: "BindAxn", Do: dyplstest.DropAfter, Rate: 0.1, First: 1},
			{Do: dyplstest.Slow, Delay: slow},
		},
		Seed: 7, LedgerLimit: -1,
	}
}

func taskID(i int) string { return fmt.Sprint("chaos-", i) }

// bind is the i-th request. Every other one names its X.
func bind(i int) handrolled.BindRequest {
	req := handrolled.BindRequest{
		PoolKey: chosenPool, PhoneNoA: fmt.Sprintf("139%08d", i), Expiration: "2099-01-31 23:59:59",
	}
	if i%2 == 0 {
		req.PoolKey, req.PhoneNoX = namedPool, fmt.Sprintf("171%08d", i)
	}
	return req
}

// enqueueAll enqueues n binds, each as often as it takes until Redis has acknowledged it.
func enqueueAll(ctx context.Context, producer *handrolled.Producer, n int) error {
	var group errgroup.Group
	group.SetLimit(enqueuers)
	for i := range n {
		group.Go(func() error {
			for {
				err := producer.Enqueue(ctx, taskID(i), bind(i))
				if err == nil {
					return nil
				}
				select {
				case <-ctx.Done():
					return fmt.Errorf("enqueue %s: %w", taskID(i), err)
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	return group.Wait()
}

// told is what the caller of a task was told in the end.
type told struct {
	binding handrolled.Binding
	err     error
}

// collectAll polls until every task has a result or has been given up, or until ctx ends.
func collectAll(ctx context.Context, producer *handrolled.Producer, n int) []told {
	results := make([]told, n)
	for i := range results {
		results[i].err = handrolled.ErrPending
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for polls := 1; ; polls++ {
		pending := poll(producer, results)
		if pending == 0 {
			return results
		}
		if polls%reportAt == 0 {
			progressf("%d without a result", pending)
		}
		select {
		case <-ctx.Done():
			return results
		case <-tick.C:
		}
	}
}

// poll looks up every task that has no result yet, and returns how many still have none.
func poll(producer *handrolled.Producer, results []told) int64 {
	var pending atomic.Int64
	var group errgroup.Group
	group.SetLimit(8)
	for i := range results {
		if !results[i].open() {
			continue
		}
		group.Go(func() error {
			results[i].binding, results[i].err = producer.Result(taskID(i))
			if results[i].open() {
				pending.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return pending.Load()
}

// open reports whether there is no result, neither good nor bad.
func (r told) open() bool { return r.err != nil && !errors.Is(r.err, handrolled.ErrFailed) }
