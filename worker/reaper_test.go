package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// yard is a Redis with a queue and a reaper, and no worker: what is delivered stays delivered.
type yard struct {
	*reaper

	client *redis.Client
	asynq  *asynq.Inspector
	log    *lockedBuffer
}

func newYard(t *testing.T) *yard {
	t.Helper()
	return newYardOn(t, redistest.Start(t))
}

func newYardOn(t *testing.T, server *redistest.Server) *yard {
	t.Helper()
	y := &yard{client: server.Client(t), log: &lockedBuffer{}}
	w, err := New(Config{
		Redis: server.Client(t), Logger: zerolog.New(y.log),
		Caller: panickyCaller{}, // nobody calls it
	})
	if err != nil {
		t.Fatal(err)
	}
	y.reaper, y.asynq = w.newReaper(), asynq.NewInspectorFromRedisClient(y.client)
	return y
}

// sweeps makes every entry of the index due, and sweeps.
func (y *yard) sweeps(t *testing.T) {
	t.Helper()
	for _, key := range y.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, id := range y.client.ZRange(t.Context(), key, 0, -1).Val() {
			y.client.ZAddXX(t.Context(), key, redis.Z{Member: id, Score: 1})
		}
	}
	y.sweepsDue(t)
}

func (y *yard) sweepsDue(t *testing.T) {
	t.Helper()
	y.client.Del(t.Context(), reaperLock)
	if err := y.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// open returns the ids in the index.
func (y *yard) open(t *testing.T) (ids []string) {
	t.Helper()
	for _, key := range y.client.Keys(t.Context(), "dypls:open:*").Val() {
		ids = append(ids, y.client.ZRange(t.Context(), key, 0, -1).Val()...)
	}
	slices.Sort(ids)
	return ids
}

// told returns what is in the stream.
func (y *yard) told(t *testing.T) (entries []string) {
	t.Helper()
	for _, e := range y.client.XRange(t.Context(), record.Stream, "-", "+").Val() {
		entries = append(entries, fmt.Sprint(e.Values[record.StreamID], " ", e.Values[record.StreamState]))
	}
	return entries
}

// create records a task without a delivery: its producer died there.
func (y *yard) create(t *testing.T, ids ...string) {
	t.Helper()
	news := make([]record.New, len(ids))
	for i, id := range ids {
		news[i] = record.New{ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: "f", ProcessAt: time.Now()}
	}
	for some := range slices.Chunk(news, 500) {
		if _, err := y.records.Create(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
}

func (y *yard) deliver(t *testing.T, id string, options ...asynq.Option) {
	t.Helper()
	task := asynq.NewTask("dypls:BindAxn", tasks.Payload{Version: 1, ID: id}.Encode())
	options = append(options, asynq.Queue("bind"), asynq.TaskID(tasks.DeliveryID(id, 1)))
	if _, err := asynq.NewClientFromRedisClient(y.client).Enqueue(task, options...); err != nil {
		t.Fatal(err)
	}
}

// fetch plays a worker that takes a pending delivery and dies: its lease ends in the past, or not, as seconds say.
func (y *yard) fetch(t *testing.T, delivery string, lease time.Duration) {
	t.Helper()
	k := queueKeys("bind")
	ctx := t.Context()
	if n := y.client.LRem(ctx, k.of("pending"), 0, delivery).Val(); n != 1 {
		t.Fatalf("%s is not pending", delivery)
	}
	y.client.LPush(ctx, k.of("active"), delivery)
	y.client.HSet(ctx, k.task(delivery), "state", "active")
	y.client.HDel(ctx, k.task(delivery), "pending_since")
	y.client.ZAdd(ctx, k.of("lease"), redis.Z{Member: delivery, Score: float64(time.Now().Add(lease).Unix())})
}

func (y *yard) begin(t *testing.T, id string, lease time.Duration) record.Begun {
	t.Helper()
	begun, err := y.records.Begin(t.Context(), record.Run{
		ID: id, Run: "run of " + id, Lease: lease, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour,
	})
	if err != nil || begun.Verdict != record.Go {
		t.Fatalf("begin %s: %+v, %v", id, begun, err)
	}
	return begun
}

func (y *yard) finish(t *testing.T, e record.Ending) {
	t.Helper()
	e.Keep, e.Counts, e.Sent = time.Hour, true, true
	if _, err := y.records.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// deliveries are the ids of what asynq holds of the bind queue, by state.
func (y *yard) deliveries(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	prefix := queueKeys("bind").task("")
	for _, key := range y.client.Keys(t.Context(), prefix+"*").Val() {
		found[strings.TrimPrefix(key, prefix)] = y.client.HGet(t.Context(), key, "state").Val()
	}
	return found
}

func (y *yard) wantDeliveries(t *testing.T, want map[string]string) {
	t.Helper()
	if got := y.deliveries(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asynq holds %v, want %v\n%s", got, want, y.log)
	}
}

func (y *yard) wantTold(t *testing.T, want ...string) {
	t.Helper()
	if got := y.told(t); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestReaperDelivers: every way in which a task that has no outcome can lose its delivery.
func TestReaperDelivers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before func(t *testing.T, y *yard)
		want   map[string]string
	}{
		"never delivered": {
			func(t *testing.T, y *yard) { t.Helper(); y.create(t, "k") },
			map[string]string{"k.2": "pending"},
		},
		"archived by asynq, or by a person": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				if err := y.asynq.ArchiveTask("bind", "k.1"); err != nil {
					t.Fatal(err)
				}
			},
			map[string]string{"k.1": "archived", "k.2": "pending"},
		},
		"deleted": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				if err := y.asynq.DeleteTask("bind", "k.1"); err != nil {
					t.Fatal(err)
				}
			},
			map[string]string{"k.2": "pending"},
		},
		"a claim that lapsed, of a worker whose lease holds": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", 20*time.Second)
				y.begin(t, "k", time.Millisecond)
				time.Sleep(5 * time.Millisecond) // on Redis' clock
			},
			map[string]string{"k.1": "active", "k.2": "pending"},
		},
		"a claim that lapsed, of a worker whose lease lapsed too": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", -15*time.Second)
				y.begin(t, "k", time.Millisecond)
				time.Sleep(5 * time.Millisecond)
			},
			map[string]string{"k.2": "pending"},
		},
		"fetched, and not begun": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", -15*time.Second)
			},
			map[string]string{"k.2": "pending"},
		},
		"active without a lease": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", 0)
				y.client.Del(t.Context(), queueKeys("bind").of("lease"))
			},
			map[string]string{"k.2": "pending"},
		},
		"active without a hash": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", -time.Second)
				y.client.Del(t.Context(), queueKeys("bind").task("k.1"))
			},
			map[string]string{"k.2": "pending"},
		},
		"a hash without a message, in a list": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.client.HDel(t.Context(), queueKeys("bind").task("k.1"), "msg")
			},
			map[string]string{"k.2": "pending"},
		},
		"a message that cannot be read": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", -time.Second)
				y.client.HSet(t.Context(), queueKeys("bind").task("k.1"), "msg", "\xff not a message")
			},
			map[string]string{"k.2": "pending"},
		},
		// What must be left alone.
		"pending": {
			func(t *testing.T, y *yard) { t.Helper(); y.create(t, "k"); y.deliver(t, "k") },
			map[string]string{"k.1": "pending"},
		},
		"scheduled": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k", asynq.ProcessIn(time.Hour))
			},
			map[string]string{"k.1": "scheduled"},
		},
		"fetched by a worker that lives": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", 20*time.Second)
			},
			map[string]string{"k.1": "active"},
		},
		"being called": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", 20*time.Second)
				y.begin(t, "k", time.Minute)
			},
			map[string]string{"k.1": "active"},
		},
		"a message that cannot be read, under a lease": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.deliver(t, "k")
				y.fetch(t, "k.1", 20*time.Second)
				y.client.HSet(t.Context(), queueKeys("bind").task("k.1"), "msg", "\xff")
			},
			map[string]string{"k.1": "active"},
		},
		"settled": {
			func(t *testing.T, y *yard) {
				t.Helper()
				y.create(t, "k")
				y.finish(t, record.Ending{ID: "k", Fence: y.begin(t, "k", time.Minute).Fence, State: record.Failed})
			},
			map[string]string{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			test.before(t, y)
			for range 3 { // a sweep more changes nothing
				y.sweeps(t)
				y.wantDeliveries(t, test.want)
			}
			for _, list := range []string{active, pending} {
				for _, id := range y.client.LRange(t.Context(), queueKeys("bind").of(list), 0, -1).Val() {
					if test.want[id] != list {
						t.Errorf("%s is still among the %s", id, list)
					}
				}
			}
			if n := y.client.ZCount(t.Context(), queueKeys("bind").of("lease"), "-inf", strconv.FormatInt(time.Now().Unix(), 10)).Val(); n > 0 {
				t.Errorf("%d leases remain that have lapsed", n)
			}
			if _, err := y.asynq.ListActiveTasks("bind"); err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
				t.Errorf("asynq's own list: %v", err)
			}
		})
	}
}

// TestScheduledTaskIsNotDeliveredEarly: a delivery that is made again is still not for now.
func TestScheduledTaskIsNotDeliveredEarly(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	at := time.Now().Add(time.Hour)
	if _, err := y.records.Create(t.Context(), []record.New{{ID: "k", Action: "BindAxn", Fingerprint: "f", ProcessAt: at}}); err != nil {
		t.Fatal(err)
	}
	score := y.client.ZScore(t.Context(), y.client.Keys(t.Context(), "dypls:open:*").Val()[0], "k").Val()
	if due := time.UnixMilli(int64(score)); due.Before(at) || due.After(at.Add(time.Minute)) {
		t.Errorf("to be looked at %s after it is to run", due.Sub(at))
	}
	y.sweeps(t)
	info, err := y.asynq.GetTaskInfo("bind", "k.2")
	if err != nil || info.State != asynq.TaskStateScheduled || info.NextProcessAt.Before(at.Truncate(time.Second)) {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestUnreadableIsKept: what nobody can read is set aside whole, and one bad message stops no other's recovery.
func TestUnreadableIsKept(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "bad", "good")
	const raw = "\xff\x00 whatever"
	for _, id := range []string{"bad", "good"} {
		y.deliver(t, id)
		y.fetch(t, id+".1", -time.Second)
	}
	y.client.HSet(t.Context(), queueKeys("bind").task("bad.1"), "msg", raw)
	y.sweeps(t)
	kept := y.client.HGetAll(t.Context(), queueKeys("bind").quarantine()).Val()
	if _, value, _ := strings.Cut(kept["bad.1"], " "); len(kept) != 1 || value != raw {
		t.Errorf("kept %q", kept)
	}
	if active := y.client.LRange(t.Context(), queueKeys("bind").of("active"), 0, -1).Val(); !slices.Equal(active, []string{"good.1"}) {
		t.Errorf("active: %v", active)
	}
	if !strings.Contains(y.log.String(), `"id":"bad","message":"set aside`) {
		t.Errorf("the log does not say so: %s", y.log)
	}
}

// TestUntoldOutcomesAreTold: the worker died between the outcome and the stream.
func TestUntoldOutcomesAreTold(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "k", "other")
	y.finish(t, record.Ending{ID: "k", Fence: y.begin(t, "k", time.Minute).Fence, State: record.Failed})
	if open := y.open(t); !slices.Equal(open, []string{"other"}) {
		t.Fatalf("open are %v", open)
	}
	y.wantTold(t, "k failed")
	y.finish(t, record.Ending{ID: "other", Fence: y.begin(t, "other", time.Minute).Fence, State: record.Uncertain})
	y.client.XTrimMaxLen(t.Context(), record.Stream, 0)
	y.client.ZAdd(t.Context(), "dypls:open:{00}", redis.Z{Member: "elsewhere", Score: 1}) // of no record
	for _, id := range []string{"k", "other"} {
		if err := y.records.Reject(t.Context(), record.Rejection{ID: id, Keep: time.Hour}); err != nil { // puts it back into the index
			t.Fatal(err)
		}
	}
	y.sweeps(t)
	told := y.told(t)
	slices.Sort(told)
	if !slices.Equal(told, []string{"k failed", "other uncertain"}) {
		t.Errorf("told %q", told)
	}
	if open := y.open(t); !slices.Equal(open, []string{"elsewhere"}) {
		t.Errorf("open are %v", open)
	}
}

// TestMissingRecords: an entry without a record may be one whose producer is about to write it.
func TestMissingRecords(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "late", "never")
	y.client.Del(t.Context(), record.Key("late"), record.Key("never"))
	y.sweeps(t)
	if open := y.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	y.sweepsDue(t)
	y.create(t, "late") // as an entry that is there already
	if open := y.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	for _, key := range y.client.Keys(t.Context(), "dypls:open:*").Val() { // half a minute passes
		for _, z := range y.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			y.client.ZIncrBy(t.Context(), key, -60_000, fmt.Sprint(z.Member))
		}
	}
	y.sweepsDue(t)
	if open := y.open(t); !slices.Equal(open, []string{"late"}) {
		t.Errorf("open are %v", open)
	}
	y.wantDeliveries(t, map[string]string{"late.2": "pending"})
}

// TestForgottenSurplusIsUndone: the worker that found a surplus binding died before it had it removed.
func TestForgottenSurplusIsUndone(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "k")
	bound := func(subs string, fence int64) {
		y.finish(t, record.Ending{
			ID: "k", Fence: fence, State: record.Succeeded, SubsID: subs, Result: []byte(`{}`),
			Surplus: []byte(`{"PoolKey":"FC1","SubsId":"` + subs + `","SecretNo":"17000000001"}`),
		})
	}
	fence := y.begin(t, "k", time.Minute).Fence
	bound("1000", fence)
	if open := y.open(t); len(open) != 0 {
		t.Fatalf("open are %v", open)
	}
	bound("2000", fence+7)
	if open := y.open(t); !slices.Equal(open, []string{"k"}) {
		t.Fatalf("open are %v", open)
	}
	for range 2 {
		y.sweeps(t)
	}
	if open := y.open(t); !slices.Equal(open, []string{"surplus:2000"}) {
		t.Errorf("open are %v", open)
	}
	opened, err := y.records.Opened(t.Context(), "surplus:2000", "surplus:1000")
	if err != nil || opened[0].Action != "UnbindSubscription" || opened[1].State != "" {
		t.Errorf("%+v, %v", opened, err)
	}
	if left, err := y.records.Surpluses(t.Context(), "k"); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

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

// TestTenThousandOpen: how long it takes to look at them all, and to deliver them all.
func TestTenThousandOpen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("heavy")
	}
	y := newYard(t)
	const many = 10_000
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprint("k", i)
	}
	started := time.Now()
	y.create(t, ids...)
	t.Logf("recorded %d in %s", many, time.Since(started))
	if n := len(y.open(t)); n != many {
		t.Fatalf("%d are open", n)
	}
	started = time.Now()
	y.sweeps(t)
	t.Logf("delivered in %s, making them due included", time.Since(started))
	if n := y.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
	started = time.Now()
	y.sweeps(t)
	t.Logf("found delivered in %s, making them due included", time.Since(started))
	started = time.Now()
	y.sweepsDue(t)
	t.Logf("a sweep with none due: %s", time.Since(started))
	if n := y.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
}

// TestWorkerReaps: a worker settles what another one left behind, and stops reaping with itself.
func TestWorkerReaps(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{}, nil)
	request := bindRequest()
	request.Expiration = dypls.At(time.Now().Add(3 * time.Hour))
	request.PhoneNoX = x
	id, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("k"), tasks.ProcessIn(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	records := record.NewStore(s.redis)
	run := record.Run{ID: id, Run: "of a worker that dies", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour}
	if begun, err := records.Begin(t.Context(), run); err != nil || begun.Verdict != record.Go {
		t.Fatal(begun, err)
	}
	if err := asynq.NewInspectorFromRedisClient(s.redis).DeleteTask("bind", "k.1"); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, id); o.State != tasks.StateSucceeded {
		t.Errorf("%s %s", o.State, o.Code)
	}
	s.logged(t, "delivered again: it is calling, and its delivery is gone")
	redistest.Poll(t, outcomeWithin, "the outcome to be told", func(ctx context.Context) error {
		if n := s.redis.XLen(ctx, record.Stream).Val(); n == 0 {
			return errors.New("not yet")
		}
		return nil
	})
}

// TestReadable: our reading of a message agrees with asynq's own.
func TestReadable(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.deliver(t, "k")
	key := queueKeys("bind").task("k.1")
	whole := y.client.HGet(t.Context(), key, "msg").Val()
	if !readable([]byte(whole)) {
		t.Fatal("a sound message is not readable")
	}
	check := func(message string) {
		t.Helper()
		if message == "" {
			return
		}
		y.client.HSet(t.Context(), key, "msg", message)
		_, err := y.asynq.GetTaskInfo("bind", "k.1")
		if got := readable([]byte(message)); got != (err == nil) {
			t.Errorf("%q: readable %t, asynq says %v", message, got, err)
		}
	}
	for i := range len(whole) {
		check(whole[:i])
		check(whole[i:])
		for _, b := range []byte{0x00, 0x07, 0x0a, 0x7a, 0x80, 0xff} {
			check(whole[:i] + string([]byte{b}) + whole[i+1:])
		}
	}
	check(whole + "\x7a\x06\x0a\x01k\x12\x01v")    // a header
	check(whole + "\x7a\x06\x0a\x01\xff\x12\x01v") // that is no text
	check("\xff")
}

// TestScriptsNameTheirKeysLiterally: Alibaba Cloud's proxies refuse any other script.
func TestScriptsNameTheirKeysLiterally(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	literal := regexp.MustCompile(`redis\.call\('[A-Z]+', KEYS\[\d\][,)]`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if calls, sound := strings.Count(string(source), "redis."), len(literal.FindAll(source, -1)); calls != sound || sound == 0 {
			t.Errorf("%s: %d calls, %d of them with a literal key", file, calls, sound)
		}
	}
}
