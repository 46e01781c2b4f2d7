package lossguard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

const (
	// within is how long a test waits for what must come.
	within = time.Minute
	// pause is that of a worker.
	pause = 35 * time.Second
)

// newGuard returns one that counts the connections of a client of its own.
func newGuard(t *testing.T, server *redistest.Server, onLoss func()) *Guard {
	t.Helper()
	client := server.AppClient(t)
	g := New(Config{Redis: client, Log: zerolog.Nop(), Pause: pause, OnLoss: onLoss})
	client.AddHook(g)
	return g
}

// TestWhoeverHasSeenMostNotices: whoever has seen most notices, and the others learn of it from
// Redis.
func TestWhoeverHasSeenMostNotices(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var guards []*Guard
	var told atomic.Int64
	for range 3 {
		guards = append(guards, newGuard(t, server, func() { told.Add(1) }))
	}
	asks := func(g *Guard) {
		t.Helper()
		if err := g.raise(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range slices.Repeat(guards, 4) {
		asks(g)
		if g.Pause() > 0 {
			t.Fatal("it pauses although nothing was forgotten")
		}
	}
	client := server.Client(t)
	client.HSet(t.Context(), Key, "raised", 10) // the first has seen 10, the last 12
	asks(guards[0])
	if guards[0].Pause() > 0 {
		t.Error("it noticed what it could not")
	}
	for _, i := range []int{2, 0, 1} {
		asks(guards[i])
		if left := guards[i].Pause(); left < 30*time.Second || left > pause {
			t.Errorf("worker %d pauses for %s, want %s", i, left, pause)
		}
	}
	client.FlushDB(t.Context())
	asks(guards[1])
	if n := told.Load(); n != 3 {
		t.Errorf("told %d times, want once by each", n)
	}
}

// TestConfirmAsksOverNewConnections: a bind that was noted over a new connection does not leave
// before Redis was asked what it remembers.
func TestConfirmAsksOverNewConnections(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := newGuard(t, server, nil)
	if err := g.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := g.raise(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	server.Restart(t)
	redistest.Poll(t, within, "a connection", func(ctx context.Context) error { return g.config.Redis.Ping(ctx).Err() })
	redistest.Poll(t, within, "Redis to be asked", func(ctx context.Context) error {
		err := g.Confirm(ctx)
		if loss, paused := errors.AsType[*LossError](err); paused {
			if loss.RetryAfter() <= 0 {
				t.Error("it is not said when to come back")
			}
			return nil
		}
		if err == nil {
			t.Error("it may leave")
		}
		return err // over a connection from before
	})
}

// TestFirstBindOfAnIdleWorkerAsks: a worker that has made no bind for a while raises the counter
// more seldom, and before the next bind leaves.
func TestFirstBindOfAnIdleWorkerAsks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := newGuard(t, server, nil)
	confirm := func() error { t.Helper(); return g.Confirm(t.Context()) }
	for range 2 { // the first dials
		if err := confirm(); err != nil {
			t.Fatal(err)
		}
	}
	g.raised.set(time.Now().Add(time.Hour)) // lately, however slow the machine is
	server.Client(t).FlushDB(t.Context())
	if err := confirm(); err != nil {
		t.Errorf("it asked, although it had a moment ago: %v", err)
	}
	g.raised.set(time.Now().Add(-raisedLately))
	if _, paused := errors.AsType[*LossError](confirm()); !paused {
		t.Error("a bind leaves after Redis forgot")
	}
}

// TestPauseEndsAfterClockWentBack: a pause until a time of Redis' clock, which is put back by an
// hour then, lasts no longer than it would have at the most.
func TestPauseEndsAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	client := server.AppClient(t)
	// it forgot, and binds pause
	if _, err := raiseScript.Run(t.Context(), client, []string{Key}, 100, 1000).Result(); err != nil {
		t.Fatal(err)
	}
	clock.Set(t, -time.Hour)
	redistest.Poll(t, within, "binds to go on", func(ctx context.Context) error {
		reply, err := raiseScript.Run(ctx, client, []string{Key}, 0, 1000).Int64Slice()
		if err == nil && reply[1] > 0 {
			err = fmt.Errorf("they pause for %d ms", reply[1])
		}
		return err
	})
}
