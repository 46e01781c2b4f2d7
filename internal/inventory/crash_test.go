package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

var errLost = errors.New("the reply was lost")

// loser is a connection that loses replies: what was sent is performed, and the caller is told that
// it failed.
type loser struct{ lose func(command string) bool }

func (l loser) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l loser) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if (err == nil || errors.Is(err, redis.Nil)) && l.lose(cmd.Name()) {
			cmd.SetErr(errLost)
			return errLost
		}
		return err
	}
}

func (l loser) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Each call is told that it failed once, although it was performed, and is made again.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	sure := stock{inventory.New(client, cooldown), client}
	lossy, lost := server.Client(t), map[string]bool{}
	lossy.AddHook(loser{func(command string) bool {
		lost[command] = !lost[command]
		return lost[command]
	}})
	v := inventory.New(lossy, cooldown)
	again := func(what string, call func() error) {
		t.Helper()
		for range 30 { // of a call of several commands each loses its own replies: tries double with each
			err := call()
			if err == nil {
				sure.audit(t)
				return
			}
			if !errors.Is(err, errLost) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		t.Fatalf("%s never succeeds", what)
	}
	again("import", func() error { _, err := v.Import(t.Context(), pool, numbers(5)); return err })
	for i, want := range []inventory.Want{alone("alone"), pair("pair", 1, 2), extension("extension")} {
		var got inventory.Leased
		again("lease", func() (err error) { got, err = v.Lease(t.Context(), want); return err })
		b := inventory.Binding{
			Pool: pool, Task: want.Task, Kind: want.Kind, A: want.A, B: want.B, X: got.X, Extension: got.Extension,
			SubsID: strconv.Itoa(i), Until: time.Now().Add(time.Hour),
		}
		again("bound", func() error { return v.Bound(t.Context(), b) })
		again("update", func() error {
			_, err := v.Update(t.Context(), inventory.Change{Pool: pool, X: got.X, SubsID: b.SubsID, B: person(7), Until: time.Now().Add(2 * time.Hour)})
			return err
		})
		if counts := sure.count(t); counts.Bound != i+1 || counts.Leases != i+1 {
			t.Errorf("%+v", counts)
		}
	}
	again("lease", func() error { _, err := v.Lease(t.Context(), alone("refused")); return err })
	again("release", func() error {
		_, err := v.Release(t.Context(), inventory.Refusal{Pool: pool, Task: "refused", Unperformed: true, Aside: "isv.NO_NOT_EXIST"})
		return err
	})
	again("unbound", func() error { _, err := v.Unbound(t.Context(), pool, x(0), "0"); return err })
	if counts := sure.count(t).Counts; counts != (inventory.Counts{Free: 1, Resting: 1, Bound: 2, Aside: 1}) {
		t.Errorf("%+v", counts)
	}
}

// What Redis has said is done is there after it was killed, where it writes every change to disk
// first.
func TestRedisIsKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	client := server.Client(t)
	s := stock{inventory.New(client, cooldown), client}
	s.fill(t, numbers(1000))
	held := map[string]inventory.Leased{}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			want := []inventory.Want{alone(fmt.Sprint("task-", i)), pair(fmt.Sprint("task-", i), 2*i, 2*i+1), extension(fmt.Sprint("task-", i))}[i%3]
			got, err := s.Lease(t.Context(), want)
			if err != nil {
				return // killed
			}
			held[want.Task] = got
			if i == 200 {
				close(stop)
			}
		}
	}()
	<-stop
	server.Kill()
	<-done
	server.Restart(t)
	redistest.Poll(t, time.Minute, "the client to connect again", func(ctx context.Context) error { return client.Ping(ctx).Err() })
	s.audit(t)
	for task, want := range held {
		got, ok, err := s.Holding(t.Context(), pool, task)
		if err != nil || !ok || got.X != want.X || got.Extension != want.Extension {
			t.Errorf("%s was told %+v, and holds %+v, %v", task, want, got, err)
		}
	}
	t.Logf("%d leases were told before Redis was killed, none is lost", len(held))
}
