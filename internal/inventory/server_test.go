package inventory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

const (
	pool     = "FC100000001"
	cooldown = 24 * time.Hour
)

// stock is an inventory on a Redis that a test has to itself. Every script is tested on both kinds:
// miniredis is what dev mode runs on; the other is what production runs on. There it is tested with
// keys as well.
type stock struct {
	*inventory.Inventory

	client *redis.Client
}

func onEachServer(t *testing.T, test func(t *testing.T, s stock)) {
	t.Helper()
	server := func(tb testing.TB) *redis.Client {
		tb.Helper()
		return redistest.Start(tb).Client(tb)
	}
	start := map[string]func(testing.TB) *redis.Client{
		"miniredis": func(tb testing.TB) *redis.Client {
			tb.Helper()
			client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(tb).Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
			tb.Cleanup(func() { _ = client.Close() })
			return client
		},
		"redis-server": server,
		withKeys:       server,
	}
	for name, start := range start {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t)
			s := stock{inventory.New(client, cooldown), client}
			if name == withKeys {
				s.WithKeys(sealtest.New(t))
			}
			test(t, s)
			s.audit(t)
		})
	}
}

const withKeys = "redis-server with keys"

// process is another process' inventory on the same Redis.
func (s stock) process(cooldown time.Duration) *inventory.Inventory {
	return inventory.New(s.client, cooldown).WithKeys(s.Keys())
}

// x is the nth number of the tests' inventories.
func x(n int) dypls.Phone { return dypls.Phone(fmt.Sprintf("1700000%04d", n)) }

func numbers(n int, cities ...string) []inventory.Number {
	all := make([]inventory.Number, n)
	for i := range all {
		all[i].X = x(i)
		if len(cities) > 0 {
			all[i].City = cities[i%len(cities)]
		}
	}
	return all
}

func (s stock) fill(tb testing.TB, numbers []inventory.Number) {
	tb.Helper()
	done, err := s.Import(tb.Context(), pool, numbers)
	if err != nil || done.Added != len(numbers) {
		tb.Fatalf("import: %+v, %v", done, err)
	}
}

func alone(task string) inventory.Want {
	return inventory.Want{Pool: pool, Task: task, Kind: inventory.Alone}
}

func pair(task string, a, b int) inventory.Want {
	return inventory.Want{Pool: pool, Task: task, Kind: inventory.Pair, A: person(a), B: person(b)}
}

func extension(task string) inventory.Want {
	return inventory.Want{Pool: pool, Task: task, Kind: inventory.Extension}
}

// person is a number of somebody's own.
func person(n int) dypls.Phone { return dypls.Phone(fmt.Sprintf("1391234%04d", n)) }

func (s stock) lease(tb testing.TB, want inventory.Want) inventory.Leased {
	tb.Helper()
	got, err := s.Lease(tb.Context(), want)
	if err != nil {
		tb.Fatalf("lease for %s: %v", want.Task, err)
	}
	return got
}

// none fails the test unless no number is free, and returns when the next one is said to be.
func (s stock) none(tb testing.TB, want inventory.Want) time.Time {
	tb.Helper()
	got, err := s.Lease(tb.Context(), want)
	none, ok := errors.AsType[*inventory.NoneFreeError](err)
	if !ok || !errors.Is(err, inventory.ErrNoneFree) {
		tb.Fatalf("lease for %s: %+v, %v, want none free", want.Task, got, err)
	}
	return none.Next
}

// bind settles a lease: its binding exists for an hour.
func (s stock) bind(tb testing.TB, want inventory.Want, got inventory.Leased) inventory.Binding {
	tb.Helper()
	b := inventory.Binding{
		Pool: want.Pool, Task: want.Task, Kind: want.Kind, A: want.A, B: want.B, X: got.X, Extension: got.Extension,
		SubsID: "subs-" + want.Task, Until: s.clock(tb).Add(time.Hour),
	}
	if err := s.Bound(tb.Context(), b); err != nil {
		tb.Fatalf("bound %s: %v", want.Task, err)
	}
	return b
}

func (s stock) unbound(tb testing.TB, b inventory.Binding) bool {
	tb.Helper()
	known, err := s.Unbound(tb.Context(), b.Pool, b.X, b.SubsID)
	if err != nil {
		tb.Fatalf("unbound %s: %v", b.Task, err)
	}
	return known
}

func (s stock) release(tb testing.TB, r inventory.Refusal) bool {
	tb.Helper()
	freed, err := s.Release(tb.Context(), r)
	if err != nil {
		tb.Fatalf("release %s: %v", r.Task, err)
	}
	return freed
}

func (s stock) count(tb testing.TB) inventory.Stock {
	tb.Helper()
	counts, err := s.Counts(tb.Context(), pool)
	if err != nil {
		tb.Fatal(err)
	}
	return counts
}

func (s stock) clock(tb testing.TB) time.Time {
	tb.Helper()
	now, err := s.Now(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return now
}
