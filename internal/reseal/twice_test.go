package reseal_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/reseal"
)

const copyOfAudit = "dypls:resealing:{dypls:audit}"

// dropsCopy forgets the copy of the audit once, in the middle of copying, as a second rotation does
// that begins then.
type dropsCopy struct {
	redis.Hook

	of   redis.UniversalClient
	once *sync.Once
}

func (d dropsCopy) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (d dropsCopy) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (d dropsCopy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if args := cmds[0].Args(); args[0] == "xadd" && args[1] == copyOfAudit {
			d.once.Do(func() { err = errors.Join(err, d.of.Del(ctx, copyOfAudit).Err()) })
		}
		return err
	}
}

// TestCopyThatIsIncomplete: a rotation whose copy of a stream somebody else has begun anew does not
// put the rest of it in the stream's place.
func TestCopyThatIsIncomplete(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, other := server.AppClient(t), server.AppClient(t)
	before, after, _, _ := rings(t)
	fill(t, client, before, "order")
	client.AddHook(dropsCopy{of: other, once: new(sync.Once)})
	_, err := reseal.Rotate(t.Context(), reseal.Config{Redis: client, Keys: after})
	if n := other.XLen(t.Context(), "dypls:audit").Val(); n != 300 {
		t.Errorf("the audit has %d lines, want 300; %v", n, err)
	}
	stands, err := reseal.Rotate(t.Context(), reseal.Config{Redis: client, Keys: after})
	if n := other.XLen(t.Context(), "dypls:audit").Val(); err != nil || n != 300 || stands.By("k1") != 300 { // of what drains
		t.Errorf("another rotation: %d lines, %+v, %v", n, stands, err)
	}
}
