package contender

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) {
	WorkIfWorker() // the workers are this program again
	os.Exit(m.Run())
}

// TestEachBindsOnce: whatever way tasks are enqueued, each is bound once and finished, and whoever
// waits is told. The real dyplsq is tried by the smoke test of speed, which builds it.
func TestEachBindsOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []Contender{Script(), Tuned(), River()} {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			const batch, waited = 20, 5
			sim := dyplstest.Start(t, dyplstest.Config{})
			site := Site{Endpoint: sim.URL(), KeyID: sim.AccessKeyID, Secret: sim.AccessKeySecret}
			if c.Name() == River().Name() {
				site.Postgres = postgres(t)
			} else {
				site.Redis = redistest.Start(t).Addr
			}
			producer, err := c.Producer(t.Context(), site)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = producer.Close() }()
			employ(t, c, site)

			if err := producer.EnqueueBatch(t.Context(), 0, batch); err != nil {
				t.Fatal(err)
			}
			if err := producer.Enqueue(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for i := range waited {
				if err := producer.Do(ctx, batch+1+i); err != nil {
					t.Fatalf("task %d: %v", i, err)
				}
			}
			const all = batch + 1 + waited
			redistest.Poll(t, time.Minute, "all to be finished", func(ctx context.Context) error {
				n, err := producer.Finished(ctx)
				if err == nil && n != all {
					err = errors.New("not yet")
				}
				return err
			})
			bound := map[string]int{}
			for _, e := range sim.Ledger() {
				if id := e.Parameters["OutId"]; e.Performed && strings.HasPrefix(id, idPrefix) {
					bound[id]++
				}
			}
			for i := range all {
				if bound[ID(i)] != 1 {
					t.Errorf("%s was bound %d times", ID(i), bound[ID(i)])
				}
			}
		})
	}
}

func postgres(t *testing.T) string {
	t.Helper()
	p, err := rig.StartPostgres(t.Context())
	if errors.Is(err, rig.ErrNoPostgres) && os.Getenv("DYPLSQ_REQUIRE_POSTGRES") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return rig.URL(p.Addr)
}

// employ starts a worker that ends with the test.
func employ(t *testing.T, c Contender, site Site) {
	t.Helper()
	cmd, err := c.Worker(site, 8)
	if err != nil {
		t.Fatal(err)
	}
	process, err := rig.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Err(); err != nil {
			t.Error(err)
		}
		process.Stop()
	})
}
