package reaper

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestReaperDelivers: every way in which a task that has no outcome can lose its delivery.
func TestReaperDelivers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before func(t *testing.T, h *harness)
		want   map[string]string
	}{
		"never delivered": {
			func(t *testing.T, h *harness) { t.Helper(); h.create(t, "k") },
			map[string]string{"k.2": "pending"},
		},
		"archived by asynq, or by a person": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				if err := h.asynq.ArchiveTask("bind", "k.1"); err != nil {
					t.Fatal(err)
				}
			},
			map[string]string{"k.1": "archived", "k.2": "pending"},
		},
		"deleted": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				if err := h.asynq.DeleteTask("bind", "k.1"); err != nil {
					t.Fatal(err)
				}
			},
			map[string]string{"k.2": "pending"},
		},
		"a claim that lapsed, of a worker whose lease holds": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", 20*time.Second)
				h.begin(t, "k", time.Millisecond)
				time.Sleep(5 * time.Millisecond) // on Redis' clock
			},
			map[string]string{"k.1": "active", "k.2": "pending"},
		},
		"a claim that lapsed, of a worker whose lease lapsed too": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", -15*time.Second)
				h.begin(t, "k", time.Millisecond)
				time.Sleep(5 * time.Millisecond)
			},
			map[string]string{"k.2": "pending"},
		},
		"fetched, and not begun": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", -15*time.Second)
			},
			map[string]string{"k.2": "pending"},
		},
		"active without a lease": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", 0)
				h.client.Del(t.Context(), asynqwire.Queue("bind").Key(asynqwire.Lease))
			},
			map[string]string{"k.2": "pending"},
		},
		"active without a hash": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", -time.Second)
				h.client.Del(t.Context(), asynqwire.Queue("bind").Task("k.1"))
			},
			map[string]string{"k.2": "pending"},
		},
		"a hash without a message, in a list": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.client.HDel(t.Context(), asynqwire.Queue("bind").Task("k.1"), "msg")
			},
			map[string]string{"k.2": "pending"},
		},
		"a message that cannot be read": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", -time.Second)
				h.client.HSet(t.Context(), asynqwire.Queue("bind").Task("k.1"), "msg", "\xff not a message")
			},
			map[string]string{"k.2": "pending"},
		},
		// What must be left alone.
		"pending": {
			func(t *testing.T, h *harness) { t.Helper(); h.create(t, "k"); h.deliver(t, "k") },
			map[string]string{"k.1": "pending"},
		},
		"scheduled": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k", asynq.ProcessIn(time.Hour))
			},
			map[string]string{"k.1": "scheduled"},
		},
		"fetched by a worker that lives": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", 20*time.Second)
			},
			map[string]string{"k.1": "active"},
		},
		"being called": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", 20*time.Second)
				h.begin(t, "k", time.Minute)
			},
			map[string]string{"k.1": "active"},
		},
		"a message that cannot be read, under a lease": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.deliver(t, "k")
				h.fetch(t, "k.1", 20*time.Second)
				h.client.HSet(t.Context(), asynqwire.Queue("bind").Task("k.1"), "msg", "\xff")
			},
			map[string]string{"k.1": "active"},
		},
		"settled": {
			func(t *testing.T, h *harness) {
				t.Helper()
				h.create(t, "k")
				h.finish(t, record.Ending{ID: "k", Fence: h.begin(t, "k", time.Minute).Fence, State: record.Failed})
			},
			map[string]string{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			test.before(t, h)
			for range 3 { // a sweep more changes nothing
				h.sweeps(t)
				h.wantDeliveries(t, test.want)
			}
			for _, list := range []string{asynqwire.Active, asynqwire.Pending} {
				for _, id := range h.client.LRange(t.Context(), asynqwire.Queue("bind").Key(list), 0, -1).Val() {
					if test.want[id] != list {
						t.Errorf("%s is still among the %s", id, list)
					}
				}
			}
			if n := h.client.ZCount(t.Context(), asynqwire.Queue("bind").Key(asynqwire.Lease), "-inf", strconv.FormatInt(time.Now().Unix(), 10)).Val(); n > 0 {
				t.Errorf("%d leases remain that have lapsed", n)
			}
			if _, err := h.asynq.ListActiveTasks("bind"); err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
				t.Errorf("asynq's own list: %v", err)
			}
		})
	}
}

// TestScheduledTaskIsNotDeliveredEarly: a delivery that is made again is still not for now.
func TestScheduledTaskIsNotDeliveredEarly(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	at := time.Now().Add(time.Hour)
	if _, err := h.Records.Create(t.Context(), []*record.New{{ID: "k", Action: "BindAxn", Fingerprint: "f", ProcessAt: at}}); err != nil {
		t.Fatal(err)
	}
	score := h.client.ZScore(t.Context(), h.client.Keys(t.Context(), "dypls:open:*").Val()[0], "k").Val()
	if due := time.UnixMilli(int64(score)); due.Before(at) || due.After(at.Add(time.Minute)) {
		t.Errorf("to be looked at %s after it is to run", due.Sub(at))
	}
	h.sweeps(t)
	info, err := h.asynq.GetTaskInfo("bind", "k.2")
	if err != nil || info.State != asynq.TaskStateScheduled || info.NextProcessAt.Before(at.Truncate(time.Second)) {
		t.Errorf("%+v, %v", info, err)
	}
}
