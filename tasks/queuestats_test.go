package tasks_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func z(member string, at time.Time) redis.Z {
	return redis.Z{Member: member, Score: float64(at.Unix())}
}

func TestQueueStats(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t)
		s.enqueue(t)
		s.enqueue(t, tasks.ProcessIn(30*time.Minute))
		ctx := t.Context()
		s.client.SAdd(ctx, "asynq:queues", "bind.7", "bind.x", "default")
		s.client.LPush(ctx, "asynq:{unbind}:active", "orphan.1") // at which asynq's own way to ask fails
		s.client.ZAdd(ctx, "asynq:{query}:archived", z("a.1", time.Now()))
		s.client.ZAdd(ctx, "asynq:{query}:retry", z("r.1", time.Now()))
		today := time.Now().UTC()
		for _, at := range []time.Time{today, today.AddDate(0, 0, 1)} { // it may be midnight before they are read
			day := at.Format(time.DateOnly)
			s.client.MSet(ctx, "asynq:{query}:processed:"+day, 7, "asynq:{query}:failed:"+day, 3)
		}
		for range 2 {
			if err := s.queue.Pause(ctx, "update"); err != nil {
				t.Fatal(err)
			}
		}
		infos, err := s.queue.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := []tasks.QueueStats{
			{Queue: "bind", Pending: 2, Scheduled: 1}, {Queue: "unbind", Active: 1}, {Queue: "update", Paused: true},
			{Queue: "query", Archived: 1, Retry: 1, Processed: 7, Failed: 3}, {Queue: "bind.7"},
		}
		if diff := cmp.Diff(want, infos, cmpopts.IgnoreFields(tasks.QueueStats{}, "LatencyMS")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if ms := infos[0].LatencyMS; ms < 0 || ms > time.Minute.Milliseconds() {
			t.Errorf("waiting for %d ms", ms)
		}
		for range 2 {
			if err := s.queue.Resume(ctx, "update"); err != nil {
				t.Fatal(err)
			}
		}
		if infos, err = s.queue.Stats(ctx); err != nil || infos[2].Paused {
			t.Errorf("%+v, %v", infos, err)
		}
		for _, name := range []string{"default", "", "bind.x"} {
			if err := s.queue.Pause(ctx, name); !errors.Is(err, tasks.ErrUnknownQueue) {
				t.Errorf("pause %q: %v", name, err)
			}
		}
	})
}
