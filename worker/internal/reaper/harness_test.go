package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/asynqhost"
)

// yard is a Redis with a queue and a reaper, and no worker: what is delivered stays delivered.
type yard struct {
	*reaper

	client *redis.Client
	host   *asynqhost.Host
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
		client: server.AppClient(t), Logger: zerolog.New(y.log),
		Caller: panickyCaller{}, // nobody calls it
	})
	if err != nil {
		t.Fatal(err)
	}
	y.reaper, y.host, y.asynq = w.newReaper(), w.host, asynq.NewInspectorFromRedisClient(y.client)
	y.records = record.NewStore(y.client) // no worker runs that would tell behind its back
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
	task := asynq.NewTask("dypls:BindAxn", asynqwire.Payload{Version: 1, ID: id}.Encode())
	options = append(options, asynq.Queue("bind"), asynq.TaskID(asynqwire.DeliveryID(id, 1)))
	if _, err := asynq.NewClientFromRedisClient(y.client).Enqueue(task, options...); err != nil {
		t.Fatal(err)
	}
}

// fetch plays a worker that takes a pending delivery and dies: its lease ends in the past, or not, as seconds say.
func (y *yard) fetch(t *testing.T, delivery string, lease time.Duration) {
	t.Helper()
	k := asynqwire.Queue("bind")
	ctx := t.Context()
	if n := y.client.LRem(ctx, k.Key(asynqwire.Pending), 0, delivery).Val(); n != 1 {
		t.Fatalf("%s is not pending", delivery)
	}
	y.client.LPush(ctx, k.Key(asynqwire.Active), delivery)
	y.client.HSet(ctx, k.Task(delivery), "state", "active")
	y.client.HDel(ctx, k.Task(delivery), "pending_since")
	y.client.ZAdd(ctx, k.Key(asynqwire.Lease), redis.Z{Member: delivery, Score: float64(time.Now().Add(lease).Unix())})
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
	prefix := asynqwire.Queue("bind").Task("")
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
