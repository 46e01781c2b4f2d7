package record_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// server is a Redis that a test has to itself. Every script is tested on both kinds: miniredis is
// what a machine with Go alone has, and what dev mode runs on; the other is what production runs
// on.
type server struct {
	client *redis.Client
	store  record.Store
}

func onEachServer(t *testing.T, test func(t *testing.T, s server)) {
	t.Helper()
	start := map[string]func(testing.TB) *redis.Client{
		"miniredis": func(tb testing.TB) *redis.Client {
			tb.Helper()
			client := redis.NewClient(&redis.Options{
				Addr: miniredis.RunT(tb).Addr(), ContextTimeoutEnabled: true, MaxRetries: -1,
				ReadTimeout: time.Minute, // it is slow under the race detector on a busy machine
			})
			tb.Cleanup(func() { _ = client.Close() })
			return client
		},
		"redis-server": func(tb testing.TB) *redis.Client {
			tb.Helper()
			return redistest.Start(tb).Client(tb)
		},
	}
	for name, start := range start {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t)
			test(t, server{client, record.NewStore(client)})
		})
	}
}

func onOneServer(t *testing.T) server {
	t.Helper()
	client := redistest.Start(t).Client(t)
	return server{client, record.NewStore(client)}
}

const (
	long  = record.LongestClaim   // a lease that no test outlives
	short = 50 * time.Millisecond // one that lapses while a test polls
	keep  = 24 * time.Hour
)

var fingerprint = record.Fingerprint("Action:00 PoolKey:01")

// create records a task that is new to the server.
func (s server) create(t *testing.T, id string, change ...func(*record.New)) {
	t.Helper()
	task := record.New{ID: id, Action: "BindAxn", Request: []byte(`{"PoolKey":"FC1"}`), Fingerprint: fingerprint, ProcessAt: time.Now()}
	for _, c := range change {
		c(&task)
	}
	created, err := s.store.Create(t.Context(), []*record.New{&task})
	if err != nil || created[0].Verdict != record.IsNew {
		t.Fatalf("create %s: %+v, %v", id, created, err)
	}
}

func (s server) begin(t *testing.T, id, run string, change ...func(*record.Run)) record.Begun {
	t.Helper()
	r := record.Run{ID: id, Run: run, Lease: long, MaxAttempts: 6, MaxCrashes: 3, Keep: keep}
	for _, c := range change {
		c(&r)
	}
	begun, err := s.store.Begin(t.Context(), r)
	if err != nil {
		t.Fatalf("begin %s as %s: %v", id, run, err)
	}
	return begun
}

// call begins, and fails the test unless the run may call.
func (s server) call(t *testing.T, id, run string, change ...func(*record.Run)) record.Begun {
	t.Helper()
	begun := s.begin(t, id, run, change...)
	if begun.Verdict != record.Go {
		t.Fatalf("begin %s as %s: %+v, want go", id, run, begun)
	}
	return begun
}

// look begins, and fails the test unless the run is to look for the effect of an earlier call.
func (s server) look(t *testing.T, id, run string, change ...func(*record.Run)) record.Begun {
	t.Helper()
	begun := s.begin(t, id, run, change...)
	if begun.Verdict != record.Look {
		t.Fatalf("begin %s as %s: %+v, want look", id, run, begun)
	}
	return begun
}

// hash is the whole record.
func (s server) hash(t *testing.T, id string) map[string]string {
	t.Helper()
	return s.client.HGetAll(t.Context(), record.Key(id)).Val()
}

// lapsed begins anew until the claim of the run before has lapsed on Redis' clock.
func (s server) lapsed(t *testing.T, id, run string, change ...func(*record.Run)) (begun record.Begun) {
	t.Helper()
	redistest.Poll(t, time.Minute, "the claim to lapse", func(context.Context) error {
		begun = s.begin(t, id, run, change...) //nolint:contextcheck // the test's own
		if begun.Verdict == record.Busy {
			return errors.New("busy")
		}
		return nil
	})
	return begun
}

func (s server) finish(t *testing.T, e record.Ending) record.FinishVerdict {
	t.Helper()
	if e.Keep == 0 {
		e.Keep = keep
	}
	verdict, err := s.store.Finish(t.Context(), e)
	if err != nil {
		t.Fatalf("finish %s: %v", e.ID, err)
	}
	return verdict
}

func (s server) read(t *testing.T, id string) record.Record {
	t.Helper()
	records, err := s.store.Read(t.Context(), id)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	return records[0]
}

func (s server) field(t *testing.T, id, name string) string {
	t.Helper()
	value, err := s.client.HGet(t.Context(), record.Key(id), name).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("read %s of %s: %v", name, id, err)
	}
	return value
}

func brief(r *record.Run)      { r.Lease = short }
func repeatable(r *record.Run) { r.Repeatable = true }
func lastCrash(r *record.Run)  { r.MaxCrashes = 1 }
