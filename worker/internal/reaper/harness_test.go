package reaper

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

// within is how long a test waits for what must come.
const within = time.Minute

// harness is a Redis with a queue and a reaper, and no worker: what is delivered stays delivered.
type harness struct {
	*Reaper

	client *redis.Client
	asynq  *asynq.Inspector
	log    *logtest.Log
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	return newHarnessOn(t, redistest.Start(t))
}

func newHarnessOn(t *testing.T, server *redistest.Server) *harness {
	t.Helper()
	h := &harness{client: server.Client(t), log: &logtest.Log{}}
	own := server.AppClient(t)
	h.Reaper = New(Config{
		Redis: own, Records: record.NewStore(h.client), Queue: queuetest.On(t, own), Dispatch: queuetest.Dispatcher(own, 1), Log: zerolog.New(h.log),
		ClaimLease: time.Minute, AfterClaim: time.Second, Keep: aDay, KeepStream: aDay,
	})
	h.asynq = asynq.NewInspectorFromRedisClient(h.client)
	t.Cleanup(func() { _ = h.Queue.Close() })
	return h
}

// sweeps makes every entry of the index due, and sweeps.
func (h *harness) sweeps(t *testing.T) {
	t.Helper()
	for _, key := range h.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, id := range h.client.ZRange(t.Context(), key, 0, -1).Val() {
			h.client.ZAddXX(t.Context(), key, redis.Z{Member: id, Score: 1})
		}
	}
	h.sweepsDue(t)
}

func (h *harness) sweepsDue(t *testing.T) {
	t.Helper()
	h.client.Del(t.Context(), lockKey)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// open returns the ids in the index.
func (h *harness) open(t *testing.T) (ids []string) {
	t.Helper()
	for _, key := range h.client.Keys(t.Context(), "dypls:open:*").Val() {
		ids = append(ids, h.client.ZRange(t.Context(), key, 0, -1).Val()...)
	}
	slices.Sort(ids)
	return ids
}

// told returns what is in the stream.
func (h *harness) told(t *testing.T) (entries []string) {
	t.Helper()
	for _, e := range h.client.XRange(t.Context(), record.Stream, "-", "+").Val() {
		entries = append(entries, fmt.Sprint(e.Values[record.StreamID], " ", e.Values[record.StreamState]))
	}
	return entries
}

// create records a task without a delivery: its producer died there.
func (h *harness) create(t *testing.T, ids ...string) {
	t.Helper()
	news := make([]*record.New, len(ids))
	for i, id := range ids {
		news[i] = &record.New{ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: "f", ProcessAt: time.Now()}
	}
	for some := range slices.Chunk(news, 500) {
		if _, err := h.Records.Create(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *harness) deliver(t *testing.T, id string, options ...asynq.Option) {
	t.Helper()
	task := asynq.NewTask("dypls:BindAxn", asynqwire.Payload{Version: 1, ID: id}.Encode())
	options = append(options, asynq.Queue("bind"), asynq.TaskID(asynqwire.DeliveryID(id, 1)))
	if _, err := asynq.NewClientFromRedisClient(h.client).Enqueue(task, options...); err != nil {
		t.Fatal(err)
	}
}

// fetch plays a worker that takes a pending delivery and dies: its lease ends in the past, or not,
// as seconds say.
func (h *harness) fetch(t *testing.T, delivery string, lease time.Duration) {
	t.Helper()
	k := asynqwire.Queue("bind")
	ctx := t.Context()
	if n := h.client.LRem(ctx, k.Key(asynqwire.Pending), 0, delivery).Val(); n != 1 {
		t.Fatalf("%s is not pending", delivery)
	}
	h.client.LPush(ctx, k.Key(asynqwire.Active), delivery)
	h.client.HSet(ctx, k.Task(delivery), "state", "active")
	h.client.HDel(ctx, k.Task(delivery), "pending_since")
	h.client.ZAdd(ctx, k.Key(asynqwire.Lease), redis.Z{Member: delivery, Score: float64(time.Now().Add(lease).Unix())})
}

func (h *harness) begin(t *testing.T, id string, lease time.Duration) record.Begun {
	t.Helper()
	begun, err := h.Records.Begin(t.Context(), record.Run{
		ID: id, Run: "run of " + id, Lease: lease, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour,
	})
	if err != nil || begun.Verdict != record.Go {
		t.Fatalf("begin %s: %+v, %v", id, begun, err)
	}
	return begun
}

func (h *harness) finish(t *testing.T, e record.Ending) {
	t.Helper()
	e.Keep, e.Counts, e.Sent = time.Hour, true, true
	if _, err := h.Records.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// deliveries are the ids of what asynq holds of the bind queue, by state.
func (h *harness) deliveries(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	prefix := asynqwire.Queue("bind").Task("")
	for _, key := range h.client.Keys(t.Context(), prefix+"*").Val() {
		found[strings.TrimPrefix(key, prefix)] = h.client.HGet(t.Context(), key, "state").Val()
	}
	return found
}

func (h *harness) wantDeliveries(t *testing.T, want map[string]string) {
	t.Helper()
	if got := h.deliveries(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asynq holds %v, want %v\n%s", got, want, h.log)
	}
}

func (h *harness) wantTold(t *testing.T, want ...string) {
	t.Helper()
	if got := h.told(t); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func aDay() time.Duration { return 24 * time.Hour }
