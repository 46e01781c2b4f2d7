package reaper

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestReaperAfterClockWentBack: the lock of a worker that is gone lapses, and a task without a
// delivery is found, as if the clock had not been put back by an hour.
func TestReaperAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	gone, h := newHarnessOn(t, server), newHarnessOn(t, server)
	gone.timing.lock, h.timing.lock = 2*time.Second, 2*time.Second
	h.create(t, "k")
	if err := gone.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if mine, _, err := gone.lock(t.Context()); err != nil || mine { // it is gone, and its lock is not
		t.Fatal(mine, err)
	}
	clock.Set(t, -time.Hour)
	redistest.Poll(t, within, "the lock to lapse", func(ctx context.Context) error {
		mine, _, err := h.lock(ctx)
		if err == nil && !mine {
			err = fmt.Errorf("it holds for %s", h.client.PTTL(ctx, lockKey).Val())
		}
		return err
	})
	if err := h.sweepLocked(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range h.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, z := range h.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			if in := time.Until(time.UnixMilli(int64(z.Score)).Add(time.Hour)); in > time.Minute {
				t.Errorf("%s is looked at in %s", z.Member, in)
			}
		}
	}
}

// TestReaperAfterClockWentForward: a call that is out when the clock is put forward is nobody's for
// a lease longer, although its claim seems to have lapsed; then it is.
func TestReaperAfterClockWentForward(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	h := newHarnessOn(t, server)
	h.create(t, "k")
	if _, err := h.Records.Begin(t.Context(), record.Run{ID: "k", Run: "out", Lease: time.Second, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour}); err != nil {
		t.Fatal(err)
	}
	h.ClaimLease = 2 * time.Second
	if _, _, err := h.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Set(t, time.Hour)
	h.sweepsDue(t)
	h.wantDeliveries(t, map[string]string{})
	redistest.Poll(t, within, "the task to be delivered again", func(ctx context.Context) error {
		h.client.Del(ctx, lockKey)
		if err := h.Sweep(ctx); err != nil {
			return err
		}
		if n := h.client.LLen(ctx, "asynq:{bind}:pending").Val(); n != 1 {
			return errors.New("not yet")
		}
		return nil
	})
}

// TestStepsOfTheClock: a step forward is one, a slow answer and a step back are none.
func TestStepsOfTheClock(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for name, test := range map[string]struct {
		asked, answered, shown float64
		step                   bool
	}{
		"as time goes by":       {asked: 10, answered: 10.1, shown: 10},
		"answered late":         {asked: 10, answered: 40, shown: 39},
		"read late":             {asked: 10, answered: 40, shown: 10},
		"put back":              {asked: 10, answered: 10.1, shown: -3590},
		"put forward":           {asked: 10, answered: 10.1, shown: 3610, step: true},
		"forward by 5 seconds":  {asked: 10, answered: 10.1, shown: 15, step: true},
		"forward and slow":      {asked: 10, answered: 40, shown: 45, step: true},
		"forward by a blink":    {asked: 10, answered: 10.1, shown: 10.5},
		"long not looked at it": {asked: 7200, answered: 7200.1, shown: 7200},
	} {
		var s stepWatch
		s.observe(at(0), at(0.1), at(0))
		if s.doubtful(time.Hour) > 0 {
			t.Errorf("%s: a first look is a step", name)
		}
		s.observe(at(test.asked), at(test.answered), at(test.shown))
		if noticed := !s.forward.IsZero(); noticed != test.step {
			t.Errorf("%s: noticed %t", name, noticed)
		}
	}
}
