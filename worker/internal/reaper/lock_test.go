package worker

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

// TestOneReaperAtATime: two workers' reapers; each repair is made once, also when one loses the lock half-way.
func TestOneReaperAtATime(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	one, two := newYardOn(t, server), newYardOn(t, server)
	if err := one.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.create(t, "k")
	for _, key := range one.client.Keys(t.Context(), "dypls:open:*").Val() {
		one.client.ZAdd(t.Context(), key, redis.Z{Member: "k", Score: 1})
	}
	if err := two.turn(t.Context()); err != nil { // it is not time yet
		t.Fatal(err)
	}
	one.wantDeliveries(t, map[string]string{})
	one.client.Del(t.Context(), reaperLock)
	if mine, err := two.lock(t.Context()); !mine || err != nil {
		t.Fatal(mine, err)
	}
	if err := one.sweep(t.Context()); !errors.Is(err, errLockLost) {
		t.Errorf("a sweep without the lock: %v", err)
	}
	one.wantDeliveries(t, map[string]string{})
	one.unlock(t.Context())
	if err := two.hold(t.Context()); err != nil {
		t.Errorf("another one gave up its lock: %v", err)
	}

	// Both at once, as when one stood still for longer than its lock held.
	due, err := one.records.Due(t.Context(), openPerShard)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []*yard{one, two, one} {
		if _, err := y.lookAt(t.Context(), due); err != nil {
			t.Fatal(err)
		}
	}
	one.wantDeliveries(t, map[string]string{"k.2": "pending"})
}

// TestReapersOfTwoWorkers: they take turns, and both end with their workers.
func TestReapersOfTwoWorkers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	yards := []*yard{newYardOn(t, server), newYardOn(t, server)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, len(yards))
	for _, y := range yards {
		y.timing = reaperTiming{every: 30 * time.Millisecond, try: 10 * time.Millisecond, lock: time.Second}
		go func() {
			y.run(ctx)
			ended <- struct{}{}
		}()
	}
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprint("k", i))
	}
	yards[0].create(t, ids...)
	redistest.Poll(t, outcomeWithin, "all to be delivered", func(ctx context.Context) error {
		for _, key := range yards[0].client.Keys(ctx, "dypls:open:*").Val() {
			for _, z := range yards[0].client.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: "+inf"}).Val() {
				if time.Until(time.UnixMilli(int64(z.Score))) < lookLate/2 { // not looked at yet, or not seen pending
					yards[0].client.ZAddXX(ctx, key, redis.Z{Member: z.Member, Score: 1})
				}
			}
		}
		if n := yards[0].client.LLen(ctx, "asynq:{bind}:pending").Val(); n < int64(len(ids)) {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	stop()
	for range yards {
		<-ended
	}
	if found := yards[0].deliveries(t); len(found) != len(ids) {
		t.Errorf("%d deliveries of %d tasks", len(found), len(ids))
	}
	if n := yards[0].client.Exists(t.Context(), reaperLock).Val(); n != 0 {
		if ttl := yards[0].client.PTTL(t.Context(), reaperLock).Val(); ttl > time.Second {
			t.Errorf("the lock is held for %s", ttl)
		}
	}
}

// TestReaperThatHangs: a reaper hangs in the middle of its sweep, holding the lock, and so does its connection. Another one takes over when
// the lock lapses, and what the first one had in mind does no harm when it goes on: one delivery for each task, one telling for each outcome.
func TestReaperThatHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	hung, other := newYardOn(t, server), newYardOn(t, server)
	for _, y := range []*yard{hung, other} {
		y.timing = reaperTiming{every: 30 * time.Millisecond, try: 10 * time.Millisecond, lock: time.Second}
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
	hung.redis.AddHook(gate) // the reaper's own client: its records are read by another
	hung.records = record.NewStore(hung.redis)
	ended := make(chan error, 1)
	go func() { ended <- hung.turn(t.Context()) }()
	<-gate.hung

	redistest.Poll(t, outcomeWithin, "another one to take over", func(ctx context.Context) error {
		due(ctx)
		if err := other.turn(ctx); err != nil {
			return err
		}
		if n := other.client.LLen(ctx, "asynq:{bind}:pending").Val(); n < int64(len(ids)) {
			return fmt.Errorf("%d of %d are delivered", n, len(ids))
		}
		return nil
	})
	token := other.client.Get(t.Context(), reaperLock).Val()
	close(gate.wake)
	if err := <-ended; err != nil && !errors.Is(err, errLockLost) {
		t.Error(err)
	}
	if now := other.client.Get(t.Context(), reaperLock).Val(); now == hung.token && token != "" {
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
