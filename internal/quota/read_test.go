package quota

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestReadTellsWhatALimiterWrote: whoever reads the quota sees what the script of a limiter keeps,
// an action that is throttled included.
func TestReadTellsWhatALimiterWrote(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, Config{Account: "shop"})
	for _, action := range []string{"BindAxn", "BindAxb"} {
		if _, err := l.Action(action).Acquire(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Action("BindAxb").Report(time.Now(), true, time.Minute)
	redistest.Poll(t, time.Minute, "the throttled call to be known", func(ctx context.Context) error {
		known, err := Read(ctx, l.config.Redis, "shop", "BindAxg", "BindAxn", "BindAxb")
		if err != nil {
			t.Fatal(err)
		}
		for i := range known {
			if known[i].Rate <= 0 {
				t.Errorf("%s has no rate", known[i].Action)
			}
			if k := known[i]; k.Throttled && (time.Since(k.Since).Abs() > time.Hour || !k.Probe.After(k.Since)) {
				t.Errorf("%s is throttled since %s, and probed at %s", k.Action, k.Since, k.Probe)
			}
			known[i].Rate, known[i].Since, known[i].Probe = 0, time.Time{}, time.Time{}
		}
		want := []Known{{Action: "BindAxn"}, {Action: "BindAxb", Throttled: true}}
		if diff := cmp.Diff(want, known); diff != "" { // Redis, on a busy machine, may not have heard
			if _, err := l.Action("BindAxn").Acquire(ctx, nil); err != nil {
				t.Fatal(err)
			}
			l.Action("BindAxb").Report(time.Now(), true, time.Minute)
			return errors.New(diff)
		}
		return nil
	})
	if known, err := Read(t.Context(), l.config.Redis, "default", "BindAxn"); err != nil || len(known) > 0 {
		t.Errorf("another account has %v, %v", known, err)
	}
}
