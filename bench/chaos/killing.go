package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// As in dyplsq's own test.
const (
	workers   = 3
	killEvery = 3 * time.Second
)

// redisTurns are those at which Redis is killed as well.
var redisTurns = []int{2, 6}

// killing ends workers and Redis as crashes do, and starts them again.
type killing struct {
	redis   *redisServer
	env     []string // of the workers
	verbose bool

	alive   []*process
	end     context.CancelFunc
	running sync.WaitGroup

	workers, redisKills int // killed so far
}

// start starts the workers and the kills, to be stopped. Where something does not start again, it
// fails the whole run.
func (k *killing) start(ctx context.Context, fail context.CancelCauseFunc) error {
	for range workers {
		worker, err := startWorker(k.env, k.verbose)
		if err != nil {
			return fmt.Errorf("start a worker: %w", err)
		}
		k.alive = append(k.alive, worker)
	}
	ending, end := context.WithCancel(ctx)
	k.end = end
	k.running.Go(func() {
		tick := time.NewTicker(killEvery)
		defer tick.Stop()
		for turn := 0; ; turn++ {
			select {
			case <-ending.Done():
				return
			case <-tick.C:
			}
			if err := k.turn(ctx, turn); err != nil {
				fail(err)
				return
			}
		}
	})
	return nil
}

func (k *killing) turn(ctx context.Context, turn int) error {
	victim := turn % workers
	k.alive[victim].kill()
	k.workers++
	if slices.Contains(redisTurns, turn) {
		k.redis.kill()
		k.redisKills++
		if err := k.redis.start(ctx); err != nil {
			return err
		}
	}
	worker, err := startWorker(k.env, k.verbose)
	if err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	k.alive[victim] = worker
	return nil
}

// stop ends the kills, and the workers. It may be called again.
func (k *killing) stop() {
	if k.end != nil {
		k.end()
	}
	k.running.Wait()
	for _, worker := range k.alive {
		worker.kill()
	}
	k.alive = nil
}
