package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestWorkerReaps: a worker settles what another one left behind, and stops reaping with itself.
func TestWorkerReaps(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	request := bindRequest()
	request.Expiration = dypls.At(time.Now().Add(3 * time.Hour))
	request.PhoneNoX = x
	id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("k"), tasks.ProcessIn(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	records := record.NewStore(s.redis)
	run := record.Run{ID: id, Run: "of a worker that dies", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour}
	if begun, err := records.Begin(t.Context(), run); err != nil || begun.Verdict != record.Go {
		t.Fatal(begun, err)
	}
	// Its delivery is active, and nobody has renewed the lease for a while.
	k := asynqwire.Queue("bind")
	s.redis.ZRem(t.Context(), k.Key(asynqwire.Scheduled), "k.1")
	s.redis.HSet(t.Context(), k.Task("k.1"), "state", asynqwire.Active)
	s.redis.ZAdd(t.Context(), k.Key(asynqwire.Lease), redis.Z{Member: "k.1", Score: float64(time.Now().Add(14 * time.Second).Unix())})
	s.redis.LPush(t.Context(), k.Key(asynqwire.Active), "k.1")
	if o := s.outcome(t, id); o.State != tasks.StateSucceeded {
		t.Errorf("%s %s", o.State, o.Code)
	}
	s.logged(t, "redelivered: task is calling, delivery is active")
	redistest.Poll(t, outcomeWithin, "the outcome to be told", func(ctx context.Context) error {
		if n := s.redis.XLen(ctx, record.Stream).Val(); n == 0 {
			return errors.New("not yet")
		}
		return nil
	})
}
