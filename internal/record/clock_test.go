package record_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestClaimOfAnotherClock: a claim, and a doubt, from before the clock was put back by an hour hold
// for a lease, or a wait, from now on.
func TestClaimOfAnotherClock(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		ahead := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
		shortLease := func(r *record.Run) { r.Lease, r.LookAfter = short, short }

		s.create(t, "claimed")
		s.call(t, "claimed", "dead")
		s.client.HSet(t.Context(), record.Key("claimed"), "claim_until", ahead, "noted_at", ahead)
		if delivery, err := s.store.Redeliver(t.Context(), "claimed", 1); err != nil || delivery != 2 {
			t.Errorf("delivery %d, %v", delivery, err)
		}
		if d := s.detail(t, "claimed"); d.Claim.After(d.Now.Add(record.LongestClaim)) {
			t.Errorf("told to hold until %s", d.Claim)
		}
		if opened, err := s.store.Opened(t.Context(), "claimed"); err != nil || opened[0].Held(time.Now()) {
			t.Errorf("held: %+v, %v", opened, err)
		}
		if begun := s.begin(t, "claimed", "next", shortLease); begun.Verdict != record.Busy || begun.Busy > short {
			t.Errorf("%+v", begun)
		}
		s.until(t, "claimed", record.Look, shortLease)

		s.create(t, "doubtful")
		fence := s.call(t, "doubtful", "gone").Fence
		s.finish(t, record.Ending{
			ID: "doubtful", Fence: fence, State: record.Waiting, Code: "dyplsq.NoAnswer", Counts: true, Sent: true, MayHaveRun: true, Doubt: record.DoubtCall,
		})
		s.client.HSet(t.Context(), record.Key("doubtful"), "doubt_at", ahead)
		if begun := s.begin(t, "doubtful", "next", shortLease); begun.Verdict != record.Busy || begun.Busy > short {
			t.Errorf("%+v", begun)
		}
		s.until(t, "doubtful", record.Look, shortLease)
	})
}

// until begins again and again until the verdict is another than busy.
func (s server) until(t *testing.T, id string, want record.BeginVerdict, change ...func(*record.Run)) {
	t.Helper()
	redistest.Poll(t, 10*time.Second, id+" to be let go", func(context.Context) error {
		switch begun := s.begin(t, id, "next", change...); begun.Verdict { //nolint:contextcheck // the test's own
		case want:
			return nil
		case record.Busy:
			return errors.New("busy")
		default:
			t.Fatalf("%+v", begun)
			return nil
		}
	})
}

// TestEchoAfterReopening: a try of the run that ended a task, which was given up and comes through
// late, is told so although the task has been opened again since: nobody listens to it.
func TestEchoAfterReopening(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		echo := func(id string) {
			t.Helper()
			if begun := s.begin(t, id, "ended"); begun.Verdict != record.Finished {
				t.Errorf("%s: an echo is told %+v", id, begun)
			}
			if begun := s.begin(t, id, "next"); begun.Verdict != record.Go || begun.FirstCall.IsZero() {
				t.Errorf("%s: the next run is told %+v", id, begun)
			}
		}
		for id, sent := range map[string]bool{"failed": true, "unsent": false} {
			s.create(t, id)
			fence := s.call(t, id, "ended").Fence
			s.finish(t, record.Ending{ID: id, Fence: fence, State: record.Failed, Code: "isv.X", Counts: sent, Sent: sent})
			s.reopen(t, id, record.Queued)
			echo(id)
		}
		s.create(t, "held")
		fence := s.call(t, "held", "ended").Fence
		s.finish(t, record.Ending{ID: "held", Fence: fence, State: record.Uncertain, Code: "dyplsq.NoAnswer", Counts: true, Sent: true, MayHaveRun: true})
		s.resolve(t, resolved("held", record.Queued), record.Uncertain, 2)
		echo("held")
	})
}

// TestRedisClockDecidesNoDeadline: Redis' clock is an hour off. Deadlines and links end by the
// clock of those who sign calls, and what a call made is looked for from the earlier of the two
// clocks on.
func TestRedisClockDecidesNoDeadline(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, clock := redistest.StartWithClock(t)
			clock.Set(t, off)
			client := r.Client(t)
			s := server{client, record.NewStore(client)}
			deadline := func(in time.Duration) func(*record.New) {
				return func(n *record.New) { n.Deadline = time.Now().Add(in) }
			}
			s.create(t, "in time", deadline(10*time.Minute))
			begun := s.call(t, "in time", "run")
			if apart := time.Since(begun.Since); apart < -time.Second || off > 0 && apart > time.Minute {
				t.Errorf("looked for from %s ago on", apart)
			}
			s.create(t, "late", deadline(-10*time.Minute))
			if begun := s.begin(t, "late", "run"); begun.Verdict != record.Settled || begun.Code != "dyplsq.Expired" {
				t.Errorf("past its deadline: %+v", begun)
			}
			s.create(t, "link")
			fence := s.call(t, "link", "run").Fence
			s.finish(t, record.Ending{
				ID: "link", Fence: fence, State: record.Succeeded, Code: "OK", Counts: true, Sent: true, ExpiresAt: time.Now().Add(10 * time.Minute), Keep: 2 * time.Hour,
			})
			again := record.New{ID: "link", Action: "BindAxn", Fingerprint: fingerprint, ProcessAt: time.Now()}
			if created, err := s.store.Create(t.Context(), []*record.New{&again}); err != nil || created[0].Verdict != record.Same {
				t.Errorf("a link that holds: %+v, %v", created, err)
			}
			s.client.HSet(t.Context(), record.Key("link"), "expires_at", time.Now().Add(-10*time.Minute).UnixMilli())
			if created, err := s.store.Create(t.Context(), []*record.New{&again}); err != nil || created[0].Verdict != record.IsNew {
				t.Errorf("a link that has ended: %+v, %v", created, err)
			}
		})
	}
}

// TestIndexAfterClockWentBack: what was to be looked at soon is, and keeps its mark; what is days
// away stays away.
func TestIndexAfterClockWentBack(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		const back, many = time.Hour, 3000
		now := time.Now().Truncate(time.Millisecond)
		old := now.Add(back)
		for shard := range many {
			s.client.ZAdd(t.Context(), record.IndexKey(strconv.Itoa(shard)), redis.Z{Member: strconv.Itoa(shard), Score: float64(old.Add(30 * time.Second).UnixMilli())})
		}
		add := func(id string, score float64) {
			s.client.ZAdd(t.Context(), record.IndexKey(id), redis.Z{Member: id, Score: score})
		}
		add("missed", float64(old.Add(time.Minute).UnixMilli())+0.5)
		add("days away", float64(old.Add(72*time.Hour).UnixMilli()))
		add("due", float64(now.Add(-time.Second).UnixMilli()))
		if err := s.store.MoveUp(t.Context(), now, back); err != nil {
			t.Fatal(err)
		}
		for id, at := range s.indexed(t) {
			want := now.Add(30 * time.Second)
			switch id {
			case "missed":
				want = now.Add(time.Minute)
			case "days away":
				want = now.Add(72 * time.Hour)
			case "due":
				want = now.Add(-time.Second)
			}
			if at.Sub(want).Abs() > time.Millisecond {
				t.Errorf("%s is looked at %s from now, want %s", id, at.Sub(now), want.Sub(now))
			}
		}
		if score := s.client.ZScore(t.Context(), record.IndexKey("missed"), "missed").Val(); score != float64(now.Add(time.Minute).UnixMilli())+0.5 {
			t.Errorf("its mark is lost: %f", score)
		}
	})
}
