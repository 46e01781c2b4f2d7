package sampler_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/sampler"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

// harness is the samplers of some workers, and their clock.
type harness struct {
	own, client *redis.Client
	at          time.Time
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	server := redistest.Start(t)
	return &harness{own: server.Client(t), client: server.AppClient(t), at: time.Date(2026, 11, 30, 12, 0, 5, 0, time.UTC)}
}

func (h *harness) worker() *sampler.Sampler {
	return sampler.New(sampler.Config{
		Redis: h.client, Shards: 1, Actions: []string{"BindAxn", "UnbindSubscription"},
		Numbers: inventory.New(h.client, time.Hour), Now: func() time.Time { return h.at },
	})
}

// sample takes one, however early.
func (h *harness) sample(t *testing.T, s *sampler.Sampler) {
	t.Helper()
	h.own.Del(t.Context(), "dypls:history:sampled")
	if err := s.Sample(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) rows(t *testing.T, k history.Kind) []history.Row {
	t.Helper()
	span, err := history.Read(t.Context(), h.client, k, h.at.Add(-time.Hour), h.at)
	if err != nil {
		t.Fatal(err)
	}
	return span.Rows
}

// TestSamples: what waits in a queue, its shards together, what the quotas are that are in use, and
// how the pools stand.
func TestSamples(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	minute := h.at.Truncate(time.Minute)
	for queue, waited := range map[string]time.Duration{"bind.0": 90 * time.Second, "bind.1": time.Second, "query": time.Minute} {
		h.own.SAdd(t.Context(), "asynq:queues", queue)
		h.own.HSet(t.Context(), "asynq:{"+queue+"}:t:k.1", "pending_since", h.at.Add(-waited).UnixNano())
		h.own.RPush(t.Context(), "asynq:{"+queue+"}:pending", "k.1")
	}
	h.own.RPush(t.Context(), "asynq:{update}:pending", "gone") // its hash is
	if err := presence.Announce(t.Context(), h.client, "shop"); err != nil {
		t.Fatal(err)
	}
	h.own.HSet(t.Context(), "dypls:quota:{shop:BindAxn}", "rate", "12.5", "fell", "1")
	if _, err := inventory.New(h.client, time.Hour).Import(t.Context(), "FC1", []inventory.Number{
		{X: "17000000001"}, {X: "17000000002"},
	}); err != nil {
		t.Fatal(err)
	}
	h.sample(t, h.worker())
	for kind, want := range map[history.Kind]history.Values{
		history.Queues: {"bind": {90_000, 2}, "query": {60_000, 1}, "update": {0, 1}},
		history.Quota:  {"shop:BindAxn": {12_500, 1}},
		history.Pools:  {"FC1": {2, 0, 0, 0, 0, 0}},
	} {
		if diff := cmp.Diff([]history.Row{{At: minute, Values: want}}, h.rows(t, kind)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// TestOneOfAllWorkersSamples: within a minute one worker samples, and an
// idle one costs 25 commands.
func TestOneOfAllWorkersSamples(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	if err := presence.Announce(t.Context(), h.client, "default"); err != nil {
		t.Fatal(err)
	}
	one, two := h.worker(), h.worker()
	h.sample(t, one) // scripts are known from now on
	h.own.Del(t.Context(), "dypls:history:sampled")
	h.at = h.at.Add(time.Minute)
	before := commands(t, h.own)
	for _, s := range []*sampler.Sampler{one, two, one, two} {
		if err := s.Sample(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const refused, look = 3, 1
	if n := commands(t, h.own) - before - refused - look; n > 25 {
		t.Errorf("an idle worker's sample costs %d commands", n)
	}
	if rows := h.rows(t, history.Queues); len(rows) != 2 || len(rows[1].Values) != 0 {
		t.Errorf("%d rows of empty queues, want 2: %v", len(rows), rows)
	}
	if left := h.own.PTTL(t.Context(), "dypls:history:sampled").Val(); left <= 0 || left > time.Minute {
		t.Errorf("nobody samples for %s", left)
	}
}

// commands is how many a server has carried out, those inside scripts left out.
func commands(t *testing.T, client *redis.Client) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(client.InfoMap(t.Context(), "stats").Item("Stats", "total_commands_processed"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPoolsAreSampledNowAndThen: every fifth minute, and where a worker has not for long.
func TestPoolsAreSampledNowAndThen(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	if _, err := inventory.New(h.client, time.Hour).Import(t.Context(), "FC1", []inventory.Number{{X: dypls.Phone("17000000001")}}); err != nil {
		t.Fatal(err)
	}
	s := h.worker()
	for range 12 {
		h.sample(t, s)
		h.at = h.at.Add(time.Minute)
	}
	if n := len(h.rows(t, history.Pools)); n != 3 {
		t.Errorf("%d samples in 12 minutes, want 3", n)
	}
	if n := len(h.rows(t, history.Queues)); n != 12 {
		t.Errorf("%d samples of queues in 12 minutes", n)
	}
}
