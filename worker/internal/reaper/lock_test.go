package reaper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestOneReaperAtATime: two workers' reapers; each repair is made once, also when one loses the
// lock half-way.
func TestOneReaperAtATime(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, two := newHarnessOn(t, server), newHarnessOn(t, server)
	if err := one.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.create(t, "k")
	for _, key := range one.client.Keys(t.Context(), "dypls:open:*").Val() {
		one.client.ZAdd(t.Context(), key, redis.Z{Member: "k", Score: 1})
	}
	if err := two.Sweep(t.Context()); err != nil { // it is not time yet
		t.Fatal(err)
	}
	one.wantDeliveries(t, map[string]string{})
	one.client.Del(t.Context(), lockKey)
	if mine, _, err := two.lock(t.Context()); !mine || err != nil {
		t.Fatal(mine, err)
	}
	one.renewed = time.Time{} // it has stood still since
	if err := one.sweepLocked(t.Context()); !errors.Is(err, errLockLost) {
		t.Errorf("a sweep without the lock: %v", err)
	}
	one.wantDeliveries(t, map[string]string{})
	one.unlock(t.Context())
	two.renewed = time.Time{}
	if err := two.renewLock(t.Context()); err != nil {
		t.Errorf("another one gave up its lock: %v", err)
	}

	// Both at once, as when one stood still for longer than its lock held.
	due, err := one.Records.Due(t.Context(), openPerShard)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []*harness{one, two, one} {
		if _, err := h.visit(t.Context(), due); err != nil {
			t.Fatal(err)
		}
	}
	one.wantDeliveries(t, map[string]string{"k.2": "pending"})
}

// TestReapersOfTwoWorkers: they take turns, and both end with their workers.
func TestReapersOfTwoWorkers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	both := []*harness{newHarnessOn(t, server), newHarnessOn(t, server)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, len(both))
	for _, h := range both {
		h.timing = timing{every: 30 * time.Millisecond, try: 10 * time.Millisecond, lock: 10 * time.Second}
		go func() {
			h.Run(ctx)
			ended <- struct{}{}
		}()
	}
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprint("k", i))
	}
	both[0].create(t, ids...)
	redistest.Poll(t, within, "all to be delivered", func(ctx context.Context) error {
		for _, key := range both[0].client.Keys(ctx, "dypls:open:*").Val() {
			for _, z := range both[0].client.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: "+inf"}).Val() {
				// not looked at yet, or not seen pending
				if time.Until(time.UnixMilli(int64(z.Score))) < visitLate/2 {
					both[0].client.ZAddXX(ctx, key, redis.Z{Member: z.Member, Score: 1})
				}
			}
		}
		if n := both[0].client.LLen(ctx, "asynq:{bind}:pending").Val(); n < int64(len(ids)) {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	stop()
	for range both {
		<-ended
	}
	if found := both[0].deliveries(t); len(found) != len(ids) {
		t.Errorf("%d deliveries of %d tasks", len(found), len(ids))
	}
	if n := both[0].client.Exists(t.Context(), lockKey).Val(); n != 0 {
		if ttl := both[0].client.PTTL(t.Context(), lockKey).Val(); ttl > both[0].timing.every {
			t.Errorf("the lock is held for %s", ttl)
		}
	}
}

// TestReaperThatHangs: a reaper hangs in the middle of its sweep, holding the lock, and so does its
// connection. Another one takes over when the lock lapses, and what the first one had in mind does
// no harm when it goes on: one delivery for each task, one telling for each outcome.
func TestReaperThatHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	hung, other := newHarnessOn(t, server), newHarnessOn(t, server)
	for _, h := range []*harness{hung, other} {
		h.timing = timing{every: 30 * time.Millisecond, try: 10 * time.Millisecond, lock: time.Second}
	}
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprint("k", i))
	}
	other.create(t, ids...)
	due := func(ctx context.Context) {
		for _, key := range other.client.Keys(ctx, "dypls:open:*").Val() {
			for _, id := range other.client.ZRange(ctx, key, 0, -1).Val() {
				other.client.ZAddXX(ctx, key, redis.Z{Member: id, Score: 1})
			}
		}
	}
	due(t.Context())
	gate := &hangingHook{at: "dypls:{k", hung: make(chan struct{}), wake: make(chan struct{})}
	hung.Redis.AddHook(gate) // the reaper's own client: its records are read by another
	hung.Records = record.NewStore(hung.Redis)
	ended := make(chan error, 1)
	go func() { ended <- hung.Sweep(t.Context()) }()
	<-gate.hung

	redistest.Poll(t, within, "another one to take over", func(ctx context.Context) error {
		due(ctx)
		if err := other.Sweep(ctx); err != nil {
			return err
		}
		if n := other.client.LLen(ctx, "asynq:{bind}:pending").Val(); n < int64(len(ids)) {
			return fmt.Errorf("%d of %d are delivered", n, len(ids))
		}
		return nil
	})
	token := other.client.Get(t.Context(), lockKey).Val()
	close(gate.wake)
	if err := <-ended; err != nil && !errors.Is(err, errLockLost) {
		t.Error(err)
	}
	if now := other.client.Get(t.Context(), lockKey).Val(); now == hung.token && token != "" {
		t.Error("the one that woke took the lock away")
	}
	if found := other.deliveries(t); len(found) != len(ids) {
		t.Errorf("%d deliveries of %d tasks", len(found), len(ids))
	}
}

// hangingHook holds the first pipeline that names a key until it is woken.
type hangingHook struct {
	at         string
	once       sync.Once
	hung, wake chan struct{}
}

func (*hangingHook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*hangingHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook]: what was asked for is answered late.
func (h *hangingHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			for _, arg := range cmd.Args() {
				if key, is := arg.(string); is && strings.HasPrefix(key, h.at) {
					h.once.Do(func() {
						close(h.hung)
						<-h.wake
					})
					return err
				}
			}
		}
		return err
	}
}
