package worker

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	inventoryPool   = "FC100000000000002" // whose numbers an inventory leases
	clusterBinds    = 30
	fullStackWithin = 3 * time.Minute // on a machine that does much else
)

// fullStackHarness is a worker, not yet running, before a simulator behind real HTTP, and a
// producer. They do everything that this project does with Redis.
type fullStackHarness struct {
	*Worker

	client    redis.UniversalClient
	queue     *tasks.Queue
	simulator *dyplstest.Server
	log       *logtest.Log
	slots     *slotWatch
}

func newFullStackHarness(t *testing.T, shards int, connect func() redis.UniversalClient) *fullStackHarness {
	t.Helper()
	c := &fullStackHarness{client: connect(), log: &logtest.Log{}, slots: &slotWatch{}}
	c.simulator = dyplstest.Start(t, dyplstest.Config{Pools: []dyplstest.Pool{
		{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 200)},
		{Key: inventoryPool, Numbers: dyplstest.Numbers("171", 10)},
	}})
	c.queue = queuetest.New(t, tasks.Config{Client: c.client, Shards: shards})
	t.Cleanup(func() { _ = c.queue.Close() })
	own := connect()
	var err error
	if c.Worker, err = newTimed(Config{
		client: own, Caller: callerOf(t, c.simulator), Logger: zerolog.New(c.log), Concurrency: 16, Shards: shards, PoolQPS: 1000,
	}, quickBreaker); err != nil {
		t.Fatal(err)
	}
	c.client.AddHook(c.slots)
	own.AddHook(c.slots)
	return c
}

// succeed waits for tasks, which are to succeed.
func (c *fullStackHarness) succeed(t *testing.T, ids ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fullStackWithin)
	defer cancel()
	if err := c.queue.WaitAll(ctx, ids, func(o tasks.Outcome) {
		if o.State != tasks.StateSucceeded {
			t.Errorf("%s is %s: %s %s", o.ID, o.State, o.Code, o.Message)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// slotWatch is a hook that counts what a node refused because of where its keys are.
type slotWatch struct{ refused, loaded atomic.Int64 }

// DialHook implements [redis.Hook].
func (*slotWatch) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (s *slotWatch) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		s.note(err)
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (s *slotWatch) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			s.note(cmd.Err())
		}
		return err
	}
}

func (s *slotWatch) note(err error) {
	if err != nil && (strings.Contains(err.Error(), "slot") || strings.Contains(err.Error(), "non local key")) {
		s.refused.Add(1)
	}
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		s.loaded.Add(1)
	}
}
