package doctor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const activeList = "asynq:{bind}:active"

// enqueue queues a bind, and plays a worker that has fetched it.
func (p *patient) enqueue(t *testing.T, id string) {
	t.Helper()
	queue := queuetest.On(t, p.client)
	request := dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: "15012345671", Expiration: dypls.At(time.Now().Add(time.Hour))}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, request, tasks.TaskID(id)); err != nil {
		t.Fatal(err)
	}
	p.client.LMove(t.Context(), "asynq:{bind}:pending", activeList, "RIGHT", "LEFT")
}

// TestActive: what nobody performs is named, and whether its task is lost.
func TestActive(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	lease := func(id string, until time.Duration) {
		p.client.ZAdd(t.Context(), "asynq:{bind}:lease", redis.Z{Member: id, Score: float64(time.Now().Add(until).Unix())})
	}
	p.enqueue(t, "performed")
	lease("performed.1", 20*time.Second)
	p.want(t, "active", doctor.OK, "1 being performed")

	p.enqueue(t, "orphaned")
	p.client.Del(t.Context(), "asynq:{bind}:t:orphaned.1")
	p.want(t, "active", doctor.Warning, "orphaned.1", "their records are there")

	p.enqueue(t, "left")
	lease("left.1", -time.Hour)
	p.want(t, "active", doctor.Warning, "left.1", "workers that died", "start one")

	for n := range 5 {
		p.client.LPush(t.Context(), activeList, fmt.Sprintf("ghost-%d.1", n))
	}
	p.want(t, "active", doctor.Loses, "record of the task is gone too", "ghost-", "2 more", "orphaned.1", "left.1")
}

func TestQueues(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.want(t, "queues", doctor.Warning, "lacks bind, unbind, update, query")
	p.client.SAdd(t.Context(), "asynq:queues", "bind", "unbind", "update", "query", "bind.0", "somebody's")
	if err := queuetest.On(t, p.client).Pause(t.Context(), "update"); err != nil {
		t.Fatal(err)
	}
	p.want(t, "queues", doctor.Warning, "bind.0 0", "paused: update", "dyplsq resume update")
	archived := make([]redis.Z, 9000)
	for n := range archived {
		archived[n] = redis.Z{Member: n, Score: float64(n)}
	}
	p.client.ZAdd(t.Context(), "asynq:{unbind}:archived", archived...)
	p.want(t, "archive", doctor.Warning, "unbind 9000", "oldest of unbind")
}

func TestUncertain(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	store := record.NewStore(p.client)
	for _, id := range []string{"one", "two", "three", "four"} {
		p.enqueue(t, id)
		begun, err := store.Begin(t.Context(), record.Run{ID: id, Run: "run", Lease: time.Minute, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Finish(t.Context(), record.Ending{ID: id, Fence: begun.Fence, State: record.Uncertain, Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	p.want(t, "uncertain", doctor.Warning, "4 tasks are held", "1 more", "dyplsq resolve")
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	numbers := inventory.New(p.client, time.Hour)
	list := make([]inventory.Number, 12)
	for n := range list {
		list[n].X = dypls.Phone(fmt.Sprintf("170000000%02d", n))
	}
	if _, err := numbers.Import(t.Context(), "FC1", list); err != nil {
		t.Fatal(err)
	}
	p.want(t, "numbers", doctor.OK, "FC1: 12 free, 0 resting")
	for n := range list {
		lease := inventory.Want{Pool: "FC1", Task: fmt.Sprint("t", n), Kind: inventory.Alone, A: "15012345671"}
		if _, err := numbers.Lease(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		switch n {
		case 10:
			p.want(t, "numbers", doctor.Warning, "1 free", "nearly empty", "dyplsq numbers import FC1")
		case 11:
			p.want(t, "numbers", doctor.Warning, "0 free", "Exhausted")
		}
	}
}

// TestSealedNumbers: what stands in clear although there are keys is told, and what does not open.
func TestSealedNumbers(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	ring := seal.NewFile("k1")
	keys := sealtest.Keys(t, ring)
	numbers := inventory.New(p.client, time.Hour)
	if _, err := numbers.Import(t.Context(), "FC1", []inventory.Number{{X: "17000000001"}}); err != nil {
		t.Fatal(err)
	}
	p.Keys = keys
	p.want(t, "numbers", doctor.Warning, "1 numbers stand in clear", "dyplsq keys rotate")
	if err := numbers.WithKeys(keys).Seal(t.Context(), "FC1", nil); err != nil {
		t.Fatal(err)
	}
	p.want(t, "numbers", doctor.OK, "FC1: 1 free")
	p.want(t, "keys", doctor.OK, "k1 seals, of 1 keys")
	p.Keys = nil
	p.want(t, "numbers", doctor.Warning, "1 of 1 sealed numbers do not open", `the key "k1"`, "dyplsq numbers import FC1")
	p.want(t, "keys", doctor.Warning, "missing here: k1", "DYPLSQ_KEYS_FILE")
}

func TestQuota(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.want(t, "quota", doctor.OK, "no budget")
	p.Quotas.Wanted = map[string]string{"DYPLSQ_QPS_BINDAXN": "100"}
	p.want(t, "quota", doctor.Warning, "DYPLSQ_QPS_BINDAXN has no effect")
	p.Quotas.Kept, p.Quotas.Published = true, func(string) (int, bool) { return 5000, true }
	limiter := quota.New(quota.Config{Redis: p.client, Account: tasks.DefaultAccount})
	defer limiter.Close(t.Context())
	for _, action := range []string{"BindAxn", "BindAxb"} {
		if _, err := limiter.Action(action).Acquire(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	limiter.Action("BindAxb").Report(time.Now(), true, time.Minute)
	redistest.Poll(t, time.Minute, "the throttled call to be known", func(ctx context.Context) error {
		if known, err := quota.Read(ctx, p.client, tasks.DefaultAccount, "BindAxb"); err != nil || len(known) == 0 || !known[0].Throttled {
			return fmt.Errorf("%v, %w", known, err)
		}
		return nil
	})
	p.want(t, "quota", doctor.Warning, "BindAxn 50/s (at most 100, DYPLSQ_QPS_BINDAXN)", "BindAxb ", "/s (published quota 5000)", "throttled now: BindAxb")
}
