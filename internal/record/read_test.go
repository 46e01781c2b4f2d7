package record_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestReadKeepsTheOrder(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "a")
		s.create(t, "c")
		records, err := s.store.Read(t.Context(), "c", "b", "a", "c")
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []record.Record{{ID: "c", State: record.Queued}, {ID: "b"}, {ID: "a", State: record.Queued}, {ID: "c", State: record.Queued}} {
			if got := records[i]; got.ID != want.ID || got.State != want.State {
				t.Errorf("%d: %+v, want %+v", i, got, want)
			}
		}
		if records, err = s.store.Read(t.Context()); records != nil || err != nil {
			t.Errorf("nothing asked: %v, %v", records, err)
		}
	})
}

// The id is the whole hash tag: everything of one task is in one slot of a cluster, and tasks
// spread over all.
func TestKey(t *testing.T) {
	t.Parallel()
	if got := record.Key("order-42"); got != "dypls:{order-42}" {
		t.Errorf("key %q", got)
	}
}

// Whatever stands in a record, put there by another version or by hand, it is read or refused,
// never a panic.
func FuzzScripts(f *testing.F) {
	server := miniredis.RunT(f)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	f.Cleanup(func() { _ = client.Close() })
	store := record.NewStore(client)
	f.Add("calling", "1", "x", "", "0")
	f.Add("waiting", "-1", "9223372036854775807", "1e9", "nil")
	f.Add("succeeded", "0x10", " 7 ", "-", "253402300800000")
	f.Fuzz(func(t *testing.T, state, claim, deadline, fence, expires string) {
		ctx := t.Context()
		client.Del(ctx, record.Key("k"))
		fields := []any{"fingerprint", "f", "state", state, "claim_until", claim, "deadline", deadline, "fence", fence, "expires_at", expires, "finished_at", claim}
		if err := client.HSet(ctx, record.Key("k"), fields...).Err(); err != nil {
			t.Fatal(err)
		}
		if records, err := store.Read(ctx, "k"); err != nil || string(records[0].State) != state {
			t.Fatalf("%+v, %v", records, err)
		}
		_, _ = store.Create(ctx, []*record.New{{ID: "k", Fingerprint: "f"}})
		begun, err := store.Begin(ctx, record.Run{ID: "k", Run: "r", Keep: keep})
		if err != nil && begun.Verdict != "" {
			t.Errorf("%+v together with %v", begun, err)
		}
		_, _ = store.Finish(ctx, record.Ending{ID: "k", Fence: begun.Fence, State: record.Waiting, Keep: keep})
		if err := client.Ping(ctx).Err(); err != nil && !strings.Contains(err.Error(), "context") {
			t.Errorf("the server is gone: %v", err)
		}
	})
}
