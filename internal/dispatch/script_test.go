package dispatch

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// TestAsynqScriptsAreKnown fails when asynq makes deliveries by another script than the one that
// was read. Read it then: record.HandoverScript says what is expected of it. Until its hash is
// changed here, deliveries take a round trip of their own.
func TestAsynqScriptsAreKnown(t *testing.T) {
	t.Parallel()
	got := slices.Sorted(maps.Keys(asynqScripts()))
	if want := []string{scheduleSHA, enqueueSHA}; !slices.Equal(got, want) {
		t.Errorf("asynq's scripts are %q, want %q", got, want)
	}
}

// TestSpelledAsAsynqDoes fails when asynq gives its script something else than it did. Until spell
// follows it, asynq is asked for each delivery.
func TestSpelledAsAsynqDoes(t *testing.T) {
	t.Parallel()
	if !asynqScripts()[enqueueSHA].spelled {
		t.Error("asynq is asked for each delivery")
	}
	for _, delivery := range []Delivery{
		{Action: "BindAxn", ID: "a", Number: 1},
		{Action: "UnbindSubscription", ID: strings.Repeat("k", 128), Account: "shop", Number: 1 << 40},
		{Action: "UpdateSubscription", ID: "c", Number: 300, At: time.Now().Add(-time.Hour)},
	} {
		for _, queue := range []string{Bind, "unbind.63"} {
			noted := &scribe{UniversalClient: nowhere()}
			if _, err := asynq.NewClientFromRedisClient(noted).Enqueue(delivery.task(), delivery.options(queue, time.Now())...); err != nil {
				t.Fatal(err)
			}
			ours := spell(queue, delivery)
			if diff := cmp.Diff([]any{noted.keys, noted.args[:2]}, []any{ours.keys, ours.args[:2]}); diff != "" {
				t.Errorf("%s in %s (-asynq +ours):\n%s", delivery.ID, queue, diff)
			}
			theirs, ok := noted.args[2].(int64)
			if since, _ := ours.args[2].(int64); !ok || since < theirs || since-theirs > time.Hour.Nanoseconds() {
				t.Errorf("pending since %d, asynq says %d", since, theirs)
			}
		}
	}
}

// TestScriptsThatAreNotKnownAreLeftToAsynq: it makes the same deliveries, which leave neither with
// records nor together.
func TestScriptsThatAreNotKnownAreLeftToAsynq(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	d := New(Config{Redis: client, Shards: 1, QueueOf: func(string) (string, bool) { return Bind, true }, Now: time.Now})
	d.scripts = nil
	deliveries := map[Delivery]asynq.TaskState{
		{Action: "BindAxn", ID: "a", Number: 1}:                                    asynq.TaskStatePending,
		{Action: "BindAxn", ID: "b", Number: 7, At: time.Now().Add(time.Hour / 2)}: asynq.TaskStateScheduled,
	}
	for delivery, want := range deliveries {
		if h, err := d.Handover(t.Context(), delivery); h != nil || err != nil {
			t.Errorf("%s: a handover: %v, %v", delivery.ID, h, err)
		}
		if made, err := d.PutTogether(t.Context(), []Delivery{delivery}); err != nil || made[0] {
			t.Errorf("%s: made with others: %v, %v", delivery.ID, made, err)
		}
		for _, before := range []bool{false, true} {
			if there, err := d.Put(t.Context(), Bind, delivery); err != nil || there != before {
				t.Errorf("%s: there %v, want %v: %v", delivery.ID, there, before, err)
			}
		}
		info, err := d.inspector.GetTaskInfo(Bind, asynqwire.DeliveryID(delivery.ID, delivery.Number))
		if err != nil || info.State != want {
			t.Errorf("%s: %+v, %v", delivery.ID, info, err)
		}
	}
}
