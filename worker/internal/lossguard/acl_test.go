package lossguard

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestDefaultUserWithoutRights: a Redis whose default user may do nothing throws away, as it loads
// its append-only file, what scripts wrote (redis/redis#14541, valkey-io/valkey#3983). The counter
// goes with it, and so it is noticed.
func TestDefaultUserWithoutRights(t *testing.T) {
	t.Parallel()
	server := redistest.StartTLS(t, redistest.LeastRule, "--appendonly", "yes", "--appendfsync", "always")
	own := server.Client(t)
	for _, command := range [][]any{{"ACL", "SETUSER", "default", "off", "-@all"}, {"ACL", "SAVE"}} {
		if err := own.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	g := newGuard(t, server, nil)
	for range 3 {
		if err := g.raise(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	const twice = `redis.call('SET', KEYS[1], 1) redis.call('PEXPIRE', KEYS[1], 600000)`
	if err := own.Eval(t.Context(), twice, []string{"dypls:{k}"}).Err(); err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	server.Restart(t)
	redistest.Poll(t, within, "a connection", func(ctx context.Context) error { return g.config.Redis.Ping(ctx).Err() })
	redistest.Poll(t, within, "the test's own", func(ctx context.Context) error { return own.Ping(ctx).Err() })
	lost := own.Exists(t.Context(), "dypls:{k}").Val() == 0
	redistest.Poll(t, within, "Redis to be asked", func(ctx context.Context) error {
		err := g.Confirm(ctx)
		loss, paused := errors.AsType[*LossError](err)
		if err != nil && !paused {
			return err // over a connection from before
		}
		if paused != lost {
			t.Errorf("what a script wrote was lost: %t; binds pause: %v", lost, loss)
		}
		return nil
	})
	t.Logf("what a script wrote was lost: %t", lost)
}
