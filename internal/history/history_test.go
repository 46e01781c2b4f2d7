package history_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

// noon is when these tests are played.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test turns.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func read(t *testing.T, client redis.Cmdable, k history.Kind, since, now time.Time) history.Span {
	t.Helper()
	span, err := history.Read(t.Context(), client, k, since, now)
	if err != nil {
		t.Fatal(err)
	}
	return span
}

// TestWorkersCountTogether: what two workers count of one action in one minute is added up, by the
// minute and by the hour, and what nobody counted costs nothing.
func TestWorkersCountTogether(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, own := server.AppClient(t), server.Client(t)
	at := &clock{noon.Add(-90 * time.Second)}
	one, two := history.NewRecorder(client, at.now), history.NewRecorder(client, at.now)
	flush := func(all ...*history.Recorder) {
		t.Helper()
		for _, r := range all {
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	one.Count("shop 1", "BindAxn", history.Calls)
	flush(one)
	before := redistest.Calls(t, own, "evalsha")
	flush(one, two) // of an idle worker
	if n := redistest.Calls(t, own, "evalsha") - before; n != 0 {
		t.Errorf("workers that did nothing wrote %d times", n)
	}
	for _, r := range []*history.Recorder{one, two} {
		r.Count("shop 1", "BindAxn", history.Calls)
		r.Count("shop 1", "BindAxn", history.Succeeded)
	}
	two.Count("default", "UnbindSubscription", history.Throttled)
	flush(one, two)
	at.at = noon
	one.Count("shop 1", "BindAxn", history.Uncertain)
	flush(one)

	bind, unbind := history.Budget("shop 1", "BindAxn"), history.Budget("default", "UnbindSubscription")
	want := []history.Row{
		{At: noon.Add(-2 * time.Minute), Values: history.Values{bind: {2, 0, 0, 0, 3}, unbind: {0, 0, 0, 1, 0}}},
		{At: noon, Values: history.Values{bind: {0, 0, 1, 0, 0}}},
	}
	minutes := read(t, client, history.Tasks, noon.Add(-time.Hour), noon)
	if diff := cmp.Diff(want, minutes.Rows); diff != "" || minutes.Step != time.Minute {
		t.Errorf("by the minute, steps of %s (-want +got):\n%s", minutes.Step, diff)
	}
	want = []history.Row{
		{At: noon.Add(-time.Hour), Values: want[0].Values},
		{At: noon, Values: want[1].Values},
	}
	hours := read(t, client, history.Tasks, noon.Add(-48*time.Hour), noon)
	if diff := cmp.Diff(want, hours.Rows); diff != "" || hours.Step != time.Hour {
		t.Errorf("by the hour, steps of %s (-want +got):\n%s", hours.Step, diff)
	}
	if sum := minutes.Rows[0].Values.Sum(history.Calls); sum != 3 {
		t.Errorf("%d calls, want 3", sum)
	}
}

// TestSamplesOfAnHour: an hour has the most that waited in it, and the latest of a pool, of which
// another pool may be gone.
func TestSamplesOfAnHour(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	write := func(k history.Kind, at time.Time, v history.Values) {
		t.Helper()
		if err := history.Write(t.Context(), client, k, at, v); err != nil {
			t.Fatal(err)
		}
	}
	for n, oldest := range []int64{0, 9000, 12} {
		at := noon.Add(time.Duration(n) * time.Minute)
		waiting := history.Values{"bind": {oldest, 1}}
		if oldest == 0 {
			waiting = nil // nothing waits, and that is known
		}
		write(history.Queues, at, waiting)
		write(history.Pools, at, history.Values{"FC1": {oldest}})
	}
	write(history.Pools, noon.Add(5*time.Minute), history.Values{"FC;2=,": {7}})
	now := noon.Add(10 * time.Minute)
	if n := len(read(t, client, history.Queues, noon, now).Rows); n != 3 {
		t.Errorf("%d minutes of queues, want 3: an empty one is known to be", n)
	}
	for kind, want := range map[history.Kind]history.Values{
		history.Queues: {"bind": {9000, 1}}, history.Pools: {"FC;2=,": {7}},
	} {
		hours := read(t, client, kind, noon.Add(-25*time.Hour), now).Rows
		if diff := cmp.Diff([]history.Row{{At: noon, Values: want}}, hours); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// TestHistoryIsBounded: nothing stays for ever, reading goes back no further than is kept, and
// however many names come, a row has 256.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.AppClient(t)
	for n := range 6 {
		values := history.Values{}
		for i := range 100 {
			values[fmt.Sprintf("%d-%d", n, i)] = []int64{1}
		}
		if err := history.Write(t.Context(), client, history.Tasks, noon, values); err != nil {
			t.Fatal(err)
		}
	}
	keys := server.Client(t).Keys(t.Context(), "*").Val()
	if len(keys) != 2 {
		t.Errorf("keys are %v", keys)
	}
	for _, key := range keys {
		most := history.MinutesFor + time.Hour
		if strings.Contains(key, "hours") {
			most = history.HoursFor + 24*time.Hour
		}
		if left := server.Client(t).PTTL(t.Context(), key).Val(); left <= 0 || left > most {
			t.Errorf("%s lives for %s", key, left)
		}
	}
	for _, since := range []time.Duration{time.Hour, 1000 * time.Hour} {
		span := read(t, client, history.Tasks, noon.Add(-since), noon)
		if n := len(span.Rows[0].Values); n != 256 {
			t.Errorf("%d names of %s, want 256", n, since)
		}
		if span.Till.Sub(span.Since) > history.HoursFor {
			t.Errorf("reads %s back", span.Till.Sub(span.Since))
		}
	}
}

// TestLostBeatIsNotRepeated: counts whose write failed are gone, and not written a second time.
func TestLostBeatIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.AppClient(t)
	r := history.NewRecorder(client, (&clock{noon}).now)
	r.Count("default", "BindAxn", history.Calls)
	server.Kill()
	if err := r.Flush(t.Context()); err == nil {
		t.Error("a write succeeds without Redis")
	}
	server.Restart(t)
	r.Count("default", "BindAxn", history.Succeeded)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := read(t, client, history.Tasks, noon, noon).Rows
	if diff := cmp.Diff([]history.Row{{At: noon, Values: history.Values{"default:BindAxn": {1, 0, 0, 0, 0}}}}, rows); diff != "" {
		t.Error(diff)
	}
}

// TestCountedByManyGoroutines: no count is lost between a count and a write.
func TestCountedByManyGoroutines(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	r := history.NewRecorder(client, (&clock{noon}).now)
	var counting sync.WaitGroup
	const goroutines, each = 8, 500
	for range goroutines {
		counting.Go(func() {
			for range each {
				r.Count("default", "BindAxn", history.Calls)
			}
			_ = r.Flush(t.Context())
		})
	}
	counting.Wait()
	if n := read(t, client, history.Tasks, noon, noon).Rows[0].Values.Sum(history.Calls); n != goroutines*each {
		t.Errorf("%d are counted, want %d", n, goroutines*each)
	}
}

// TestHistoryOnCluster: each kind is in a slot of its own, reading asks all of it.
func TestHistoryOnCluster(t *testing.T) {
	t.Parallel()
	client := redistest.StartCluster(t).Client(t)
	for _, kind := range []history.Kind{history.Tasks, history.Quota, history.Queues, history.Pools} {
		if err := history.Write(t.Context(), client, kind, noon, history.Values{"x": {1}}); err != nil {
			t.Fatal(err)
		}
		for _, since := range []time.Duration{time.Hour, 48 * time.Hour} {
			if n := len(read(t, client, kind, noon.Add(-since), noon).Rows); n != 1 {
				t.Errorf("%s: %d rows", kind, n)
			}
		}
	}
}
