package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// scraped is what Prometheus gets, but for comments.
func scraped(t *testing.T, m *Metrics) map[string]bool {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(answer.Body.String()) {
		lines[strings.TrimSpace(line)] = true
	}
	return lines
}

func declare(t *testing.T, client *redis.Client) {
	t.Helper()
	for _, name := range dispatch.Queues() {
		if err := client.SAdd(t.Context(), "asynq:queues", name).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBrokenQueue: a queue that cannot be read says so, and hides no other.
func TestBrokenQueue(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	declare(t, client)
	if err := client.Set(t.Context(), "asynq:{bind}:pending", "broken", 0).Err(); err != nil {
		t.Fatal(err)
	}
	m := New()
	m.CollectQueues(client)
	lines := scraped(t, m)
	for line, want := range map[string]bool{
		`dyplsq_queue_up{queue="bind"} 0`: true, `dyplsq_queue_up{queue="unbind"} 1`: true, `asynq_queue_size{queue="bind"} 0`: false,
		`asynq_queue_size{queue="unbind"} 0`: true, `asynq_queue_size{queue="query"} 0`: true, `asynq_queue_size{queue="update"} 0`: true,
	} {
		if lines[line] != want {
			t.Errorf("%s: %t, want %t", line, lines[line], want)
		}
	}
}

// TestSilentRedis: a scrape ends although Redis says nothing.
func TestSilentRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const silent = 2 * time.Minute
	client := redis.NewClient(&redis.Options{Addr: server.Addr, ReadTimeout: silent, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	declare(t, client)
	if err := server.Client(t).Do(t.Context(), "CLIENT", "PAUSE", silent.Milliseconds()).Err(); err != nil {
		t.Fatal(err)
	}
	m := New()
	m.CollectQueues(client)
	began := time.Now()
	lines := scraped(t, m)
	if took := time.Since(began); took > silent/2 {
		t.Errorf("took %s", took)
	}
	if !lines[`dyplsq_queue_up{queue="bind"} 0`] || !lines[`dyplsq_uncertain_tasks 0`] {
		t.Error("does not say that the queue could not be read, or hides the rest")
	}
}

// TestOldest: a task waits that nobody has made pending although its time has come.
func TestOldest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := asynq.NewClientFromRedisClient(server.Client(t))
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", nil), asynq.Queue("bind"), asynq.ProcessIn(time.Second)); err != nil {
		t.Fatal(err)
	}
	info := queues{inspector: asynq.NewInspectorFromRedisClient(server.Client(t))}
	redistest.Poll(t, time.Minute, "the task to have waited", func(context.Context) error {
		if state := info.read("bind"); state.err != nil || state.oldest < time.Second || state.info.Latency != 0 {
			return fmt.Errorf("%s, %w", state.oldest, errors.Join(state.err, errors.New("not yet")))
		}
		return nil
	})
}

// TestPools: so many pools are shown and no more, one that is gone is gone, and that some are
// missing is said.
func TestPools(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	numbers := inventory.New(client, time.Hour)
	for i := range maxPools + 1 {
		number := inventory.Number{X: dypls.Phone(fmt.Sprintf("170%08d", i))}
		if _, err := numbers.Import(t.Context(), fmt.Sprintf("FC%03d", i), []inventory.Number{number}); err != nil {
			t.Fatal(err)
		}
	}
	m := New()
	m.inventory.WithLabelValues("FCgone", "free").Set(1)
	m.count(t.Context(), numbers, record.NewStore(client))
	lines := scraped(t, m)
	for line, want := range map[string]bool{
		`dyplsq_inventory_numbers{pool="FC000",state="free"} 1`: true, `dyplsq_inventory_numbers{pool="FC099",state="free"} 1`: true,
		`dyplsq_inventory_numbers{pool="FC100",state="free"} 1`: false, `dyplsq_inventory_numbers{pool="FCgone",state="free"} 1`: false,
		`dyplsq_collector_success{collector="inventory"} 0`: true, `dyplsq_collector_success{collector="uncertain"} 1`: true,
	} {
		if lines[line] != want {
			t.Errorf("%s: %t, want %t", line, lines[line], want)
		}
	}
}

// TestLabels: nothing that comes from outside becomes a label.
func TestLabels(t *testing.T) {
	t.Parallel()
	m := New()
	m.Attempted("shop", "Bind13900000001", "", "isv.13900000001")
	m.Attempted("default", "BindAxn", "Throttled", "Throttling.User13900000001")
	m.Called("Bind13900000001", time.Second)
	m.Queued("bind.7", time.Second)
	m.Queued("13900000001", time.Second)
	m.Ended("Bind13900000001", "failed")
	m.Surplus("Bind13900000001")
	m.Undecryptable("Bind13900000001")
	lines := scraped(t, m)
	for line := range lines {
		if strings.Contains(line, "13900000001") {
			t.Error(line)
		}
	}
	for _, line := range []string{
		`dyplsq_attempts_total{account="shop",action="other",class="",code="other"} 1`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="Throttled",code="Throttling.*"} 1`,
		`dyplsq_time_in_queue_seconds_count{queue="bind"} 1`, `dyplsq_time_in_queue_seconds_count{queue="other"} 1`,
	} {
		if !lines[line] {
			t.Errorf("lacks %s", line)
		}
	}
}
