package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRecordingsAreKeptOnce: downloads are cut, truncated, refused and so slow that their links die
// meanwhile; receipts come twice and out of order; three keepers share the work. Each recording is
// in the store once, as the service has it.
func TestRecordingsAreKeptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{
		Receipts:   dyplstest.Receipts{Duplicates: 0.3, OutOfOrder: 0.3},
		Recordings: dyplstest.Recordings{LinkLife: 2 * time.Second},
		Faults: []dyplstest.Fault{
			{Action: "GetObject", Do: dyplstest.Cut, Rate: 0.4, First: 3},
			{Action: "GetObject", Do: dyplstest.Truncate, Rate: 0.3, First: 2},
			{Action: "GetObject", Do: dyplstest.Slow, Delay: 3 * time.Second, Rate: 0.1, First: 1},
			{Action: "GetObject", Code: "ServiceUnavailable", Rate: 0.2, First: 2},
			{Action: "GetObject", Do: dyplstest.DropBefore, Rate: 0.2, First: 2},
			{Action: "QueryRecordFileDownloadUrl", Code: "isp.SYSTEM_ERROR", Rate: 0.1, First: 1},
		},
	})
	for range 3 {
		w.keep()
	}
	w.place(60)
	w.reach(calls.RecordingKept)
	w.keptOnce()
	w.counted(Kept, 60)
	if missing, err := w.calls.MissingRecordings(t.Context()); err != nil || missing != (calls.RecordingsMissing{}) {
		t.Errorf("%+v, %v", missing, err)
	}
	for _, hidden := range []string{"12345678", "Signature", "OSSAccessKeyId", secret} {
		if strings.Contains(w.log.String(), hidden) {
			t.Errorf("the log shows %s", hidden)
		}
	}
}

// TestRecordingIsExpectedWithoutAnnouncement: where SecretRecording is not subscribed to, a link in
// the receipt of an answered call's end has its recording fetched some time after that end, and
// tried again until it is there.
func TestRecordingIsExpectedWithoutAnnouncement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{
		Receipts:   dyplstest.Receipts{Push: map[string]string{"SecretReport": ""}},
		Recordings: dyplstest.Recordings{InReport: true},
	}, func(c *calls.Config) { c.RecordingAfter = time.Second })
	w.keep()
	w.place(2)
	if _, err := w.api.PlaceCall(dyplstest.Dial{SubsID: w.subs, Caller: caller, Unanswered: true}); err != nil {
		t.Fatal(err)
	}
	placed := w.api.Calls()
	redistest.Poll(t, within, "the recordings of two calls", func(ctx context.Context) error {
		for i, want := range []calls.RecordingState{calls.RecordingKept, calls.RecordingKept, calls.RecordingNone} {
			if c, err := w.calls.Get(ctx, placed[i].CallID); err != nil || c.Recording.State != want {
				return fmt.Errorf("%s is %s, %w", placed[i].CallID, c.Recording.State, err)
			}
		}
		return nil
	})
}

// TestUnannouncedRecordingIsFetched: where SecretRecording does not come and the end's receipt has
// no link, an answered call of which nobody knows whether its binding records has its recording
// fetched after its end; of one that has none the API's word is taken after a while.
func TestUnannouncedRecordingIsFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{
		Receipts: dyplstest.Receipts{Push: map[string]string{"SecretReport": ""}},
	}, func(c *calls.Config) { c.RecordingAfter = time.Second })
	w.keep(func(c *Config) { c.LateAfter = 5 * time.Second })
	for _, recorded := range []bool{true, false} {
		if _, err := w.api.PlaceCall(dyplstest.Dial{SubsID: w.subs, Caller: caller, Recorded: &recorded, Length: time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	placed := w.api.Calls()
	w.counted(Kept, 1)
	w.counted(Absent, 1)
	for i, want := range []calls.RecordingState{calls.RecordingKept, calls.RecordingNone} {
		if c, err := w.calls.Get(t.Context(), placed[i].CallID); err != nil || c.Recording.State != want {
			t.Errorf("%s is %+v, %v", placed[i].CallID, c.Recording, err)
		}
	}
	if missing, err := w.calls.MissingRecordings(t.Context()); err != nil || missing != (calls.RecordingsMissing{}) {
		t.Errorf("%+v, %v", missing, err)
	}
}

// TestLateThenLost: a recording that the API does not have is tried with pauses, is late, is lost
// once nobody can have it any more, and is tried anew when somebody asks for that. A kept one is
// not.
func TestLateThenLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "QueryRecordFileDownloadUrl", Code: "isv.ILLEGAL_ARGUMENT", Times: 4}},
	})
	stop := w.keep(func(c *Config) { c.LateAfter = time.Millisecond })
	w.place(1)
	w.reach(calls.RecordingLost)
	stop()
	id := w.api.Calls()[0].CallID
	listed := func(states ...calls.RecordingState) int {
		t.Helper()
		found, _, err := w.calls.List(t.Context(), calls.Filter{Recording: states})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	missing, err := w.calls.MissingRecordings(t.Context())
	if err != nil || missing.Lost != 1 || missing.Tried != 0 || listed(calls.RecordingLost) != 1 || listed(calls.RecordingLate) != 0 {
		t.Errorf("%+v, %v", missing, err)
	}

	// receipts that come again do not revive it
	w.push(id, "SecretRecording")
	if c, err := w.calls.Get(t.Context(), id); err != nil || c.Recording.State != calls.RecordingLost || c.Recording.Reason == "" {
		t.Errorf("%+v, %v", c.Recording, err)
	}

	if err := w.calls.RetryRecording(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if missing, err = w.calls.MissingRecordings(t.Context()); err != nil || missing.Lost != 0 || missing.Tried != 1 || missing.Oldest.IsZero() {
		t.Errorf("%+v, %v", missing, err)
	}
	w.keep(func(c *Config) { c.LateAfter = time.Hour })
	w.reach(calls.RecordingKept)
	w.keptOnce()
	if err := w.calls.RetryRecording(t.Context(), id); !errors.Is(err, calls.ErrRecordingKept) {
		t.Errorf("a kept one is retried: %v", err)
	}
	if err := w.calls.RetryRecording(t.Context(), "nobody"); !errors.Is(err, calls.ErrUnknownCall) {
		t.Errorf("one of nobody: %v", err)
	}
	w.push(id, "SecretRecording")
	w.push(id, "SecretReport")
	if listed(calls.MissingRecordings()...) != 0 || listed(calls.RecordingKept) != 1 {
		t.Error("a receipt that came again has overwritten what is kept")
	}
	w.keptOnce()
}

// TestStoreThatIsAway: while the store is away nothing is lost and nothing is written elsewhere; it
// is back, and each recording is kept once. What is late meanwhile is so.
func TestStoreThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	if err := os.Rename(w.root, w.root+".away"); err != nil {
		t.Fatal(err)
	}
	w.keep(func(c *Config) { c.LateAfter = time.Millisecond })
	w.place(20)
	redistest.Poll(t, within, "some to be late", func(ctx context.Context) error {
		late, _, err := w.calls.List(ctx, calls.Filter{Recording: []calls.RecordingState{calls.RecordingLate}})
		if err == nil && len(late) < 4 {
			err = fmt.Errorf("%d are late", len(late))
		}
		return err
	})
	if err := os.Rename(w.root+".away", w.root); err != nil {
		t.Fatal(err)
	}
	w.reach(calls.RecordingKept)
	w.keptOnce()
}

// TestFileOfSomebodyElseStays: what is in the store under a recording's name is not
// overwritten, and the reason is told.
func TestFileOfSomebodyElseStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: time.Minute}})
	w.place(1)
	placed := w.api.Calls()[0]
	name := filepath.Join(w.root, nameOf(calls.Call{ID: placed.CallID, PoolKey: placed.PoolKey, CallTime: placed.CallTime}, "")+".mp3")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("somebody else's"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.keep()
	redistest.Poll(t, within, "the reason", func(ctx context.Context) error {
		c, err := w.calls.Get(ctx, placed.CallID)
		if err == nil && !strings.Contains(c.Recording.Reason, "another file under this name") {
			err = fmt.Errorf("%+v", c.Recording)
		}
		return err
	})
	if text, err := os.ReadFile(name); err != nil || string(text) != "somebody else's" {
		t.Errorf("%s, %v", text, err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	w.reach(calls.RecordingKept)
	w.keptOnce()
}

// TestFollowersAreToldOfKeptRecordings: the change of a call whose recording is kept is told.
func TestFollowersAreToldOfKeptRecordings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	w.keep()
	w.place(3)
	told := map[string]bool{}
	ctx, stop := context.WithTimeout(t.Context(), within)
	defer stop()
	err := w.calls.Follow(ctx, "billing", func(_ context.Context, c calls.Call) error {
		if c.Recording.State == calls.RecordingKept {
			if told[c.ID] = true; len(told) == 3 {
				stop()
			}
		}
		return nil
	})
	if len(told) != 3 {
		t.Errorf("%d are told: %v", len(told), err)
	}
}
