package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
)

const (
	// adoptEvery is how often a worker looks for shards that hold tasks and are not its own.
	adoptEvery = 5 * time.Second

	// An idle queue costs Redis polls, and a queue of many shards is as many queues: beyond so many
	// the Servers of each poll less often, so that a kind's polls stay bounded, and a task is found
	// a little later.
	polledAtFullPace    = 4
	forwardedAtFullPace = 16
)

// served are the queues that a worker fetches from.
type served struct {
	mu    sync.Mutex
	names []string
}

// ownQueues are a worker's own: the shards of each queue, and the queue without shards, which
// producers that know of none use.
func ownQueues(shards int) []string {
	var names []string
	for _, queue := range dispatch.Queues() {
		names = append(names, queue)
		if shards > 1 {
			names = append(names, dispatch.ShardsOf(queue, shards)...)
		}
	}
	return names
}

// all returns the names.
func (s *served) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

func (s *served) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

// ofEach is how many queues each kind's own are.
func (w *Worker) ofEach() int { return len(ownQueues(w.config.Shards)) / len(dispatch.Queues()) }

// slowed is how long to wait between two polls of one of n queues, where every is right for as many
// as full.
func slowed(every time.Duration, n, full int) time.Duration {
	return every * time.Duration((n+full-1)/full)
}

// adopt serves, until ctx is done, every shard that holds tasks and that nobody told this worker
// of: producers with more shards put them there, or the number was lowered. It returns the servers
// that it started.
func (w *Worker) adopt(ctx context.Context) []server {
	var servers []server
	tick := time.NewTicker(adoptEvery)
	defer tick.Stop()
	for {
		for _, name := range w.orphans(ctx) {
			started, err := w.serve(name)
			servers = append(servers, started...)
			if err != nil {
				w.log.Warn().Str("queue", name).Err(err).Msg("shard not served; retrying")
				continue
			}
			w.served.add(name)
			w.log.Warn().Str("queue", name).Int("shards", w.config.Shards).
				Msg("serving an extra shard that holds tasks; set the same number of shards everywhere")
		}
		select {
		case <-ctx.Done():
			return servers
		case <-tick.C:
		}
	}
}

// serve starts the servers of a queue.
func (w *Worker) serve(name string) (started []server, err error) {
	queue, _ := dispatch.QueueOf(name)
	w.host.Share(name, queue)
	for _, s := range w.newServers(name) {
		if err := s.Start(asynq.HandlerFunc(w.perform)); err != nil {
			return started, err
		}
		started = append(started, s)
	}
	return started, nil
}

// orphans are the shards that hold tasks and that this worker does not serve. Redis out of reach
// has none: whoever else needs it says so.
func (w *Worker) orphans(ctx context.Context) []string {
	known, err := w.dispatch.Names(ctx)
	if err != nil {
		return nil
	}
	serving := w.served.all()
	names := slices.DeleteFunc(known, func(name string) bool { return slices.Contains(serving, name) })
	if len(names) == 0 {
		return nil
	}
	held := make([][]*redis.IntCmd, len(names))
	_, err = w.config.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			k := asynqwire.Queue(name)
			held[i] = []*redis.IntCmd{
				p.LLen(ctx, k.Key(asynqwire.Pending)),
				p.LLen(ctx, k.Key(asynqwire.Active)),
				p.ZCard(ctx, k.Key(asynqwire.Scheduled)),
				p.ZCard(ctx, k.Key(asynqwire.Retry)),
			}
		}
		return nil
	})
	if err != nil {
		return nil
	}
	var holding []string
	for i, name := range names {
		if slices.ContainsFunc(held[i], func(n *redis.IntCmd) bool { return n.Val() > 0 }) {
			holding = append(holding, name)
		}
	}
	return holding
}
