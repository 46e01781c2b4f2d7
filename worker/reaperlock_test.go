package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

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
