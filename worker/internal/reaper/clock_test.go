package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestReaperAfterClockWentBack: the lock of a worker that is gone lapses, and a task without a delivery is found, as if the clock had not
// been put back by an hour.
func TestReaperAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	gone, y := newYardOn(t, server), newYardOn(t, server)
	gone.timing.lock, y.timing.lock = 2*time.Second, 2*time.Second
	y.create(t, "k")
	if err := gone.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if mine, err := gone.lock(t.Context()); err != nil || mine { // it is gone, and its lock is not
		t.Fatal(mine, err)
	}
	clock.Set(t, -time.Hour)
	redistest.Poll(t, outcomeWithin, "the lock to lapse", func(ctx context.Context) error {
		mine, err := y.lock(ctx)
		if err == nil && !mine {
			err = fmt.Errorf("it holds for %s", y.client.PTTL(ctx, reaperLock).Val())
		}
		return err
	})
	if err := y.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range y.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, z := range y.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			if in := time.Until(time.UnixMilli(int64(z.Score)).Add(time.Hour)); in > time.Minute {
				t.Errorf("%s is looked at in %s", z.Member, in)
			}
		}
	}
}

// TestReaperAfterClockWentForward: a call that is out when the clock is put forward is nobody's for a lease longer, although its claim
// seems to have lapsed; then it is.
func TestReaperAfterClockWentForward(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	y := newYardOn(t, server)
	y.create(t, "k")
	if _, err := y.records.Begin(t.Context(), record.Run{ID: "k", Run: "out", Lease: time.Second, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour}); err != nil {
		t.Fatal(err)
	}
	y.lease = 2 * time.Second
	if _, err := y.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Set(t, time.Hour)
	y.sweepsDue(t)
	y.wantDeliveries(t, map[string]string{})
	redistest.Poll(t, outcomeWithin, "the task to be delivered again", func(ctx context.Context) error {
		y.client.Del(ctx, reaperLock)
		if err := y.turn(ctx); err != nil {
			return err
		}
		if n := y.client.LLen(ctx, "asynq:{bind}:pending").Val(); n != 1 {
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
		s.look(at(0), at(0.1), at(0))
		if s.doubtful(time.Hour) > 0 {
			t.Errorf("%s: a first look is a step", name)
		}
		s.look(at(test.asked), at(test.answered), at(test.shown))
		if noticed := !s.forward.IsZero(); noticed != test.step {
			t.Errorf("%s: noticed %t", name, noticed)
		}
	}
}

// TestWaitsAfterClockWentBack: what is held until a time of Redis' clock, which is put back by an hour then, is held for no longer than it
// would have been at the most.
func TestWaitsAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	w := newYardOn(t, server)
	if _, err := witnessScript.Run(t.Context(), w.client, []string{witnessKey}, 100, 1000).Result(); err != nil { // it forgot, and binds pause
		t.Fatal(err)
	}
	if err := presence.Announce(t.Context(), w.client, "gone"); err != nil {
		t.Fatal(err)
	}

	clock.Set(t, -time.Hour)
	redistest.Poll(t, outcomeWithin, "binds to go on", func(ctx context.Context) error {
		reply, err := witnessScript.Run(ctx, w.client, []string{witnessKey}, 0, 1000).Int64Slice()
		if err == nil && reply[1] > 0 {
			err = fmt.Errorf("they pause for %d ms", reply[1])
		}
		return err
	})
	if err := presence.Announce(t.Context(), w.client, "here"); err != nil {
		t.Fatal(err)
	}
	if known, err := presence.Read(t.Context(), w.client); err != nil || len(known.Known) != 1 || known.Known[0] != "here" {
		t.Errorf("known are %v, %v", known.Known, err)
	}
}
