package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestDefaultUserWithoutRights: a Redis whose default user may do nothing throws away, as it loads its append-only file, what scripts
// wrote (redis/redis#14541, valkey-io/valkey#3983). The witness goes with it, and so it is noticed.
func TestDefaultUserWithoutRights(t *testing.T) {
	t.Parallel()
	server := redistest.StartTLS(t, redistest.LeastRule, "--appendonly", "yes", "--appendfsync", "always")
	own := server.Client(t)
	for _, command := range [][]any{{"ACL", "SETUSER", "default", "off", "-@all"}, {"ACL", "SAVE"}} {
		if err := own.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w, err := New(Config{client: server.AppClient(t), Caller: panickyCaller{}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.witness.raise(t.Context(), w.witness.checked.Load()+1); err != nil {
			t.Fatal(err)
		}
	}
	const twice = `redis.call('SET', KEYS[1], 1) redis.call('PEXPIRE', KEYS[1], 600000)`
	if err := own.Eval(t.Context(), twice, []string{"dypls:{k}"}).Err(); err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	server.Restart(t)
	redistest.Poll(t, outcomeWithin, "a connection", func(ctx context.Context) error { return w.config.client.Ping(ctx).Err() })
	redistest.Poll(t, outcomeWithin, "the test's own", func(ctx context.Context) error { return own.Ping(ctx).Err() })
	lost := own.Exists(t.Context(), "dypls:{k}").Val() == 0
	redistest.Poll(t, outcomeWithin, "the witness to be asked", func(ctx context.Context) error {
		left, err := w.witness.ask(ctx)
		if err == nil && (left > 0) != lost {
			t.Errorf("what a script wrote was lost: %t; binds pause for %s", lost, left.Round(time.Second))
		}
		return err // over a connection from before
	})
	t.Logf("what a script wrote was lost: %t", lost)
}
