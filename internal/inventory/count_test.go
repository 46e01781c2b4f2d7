package inventory_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// meter counts what a connection brings.
type meter struct {
	net.Conn

	read *atomic.Int64
}

// Read implements [net.Conn].
func (m meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.read.Add(int64(n))
	return n, err
}

// metered is a client of a server that counts what it reads.
func metered(t *testing.T, server *redistest.Server) (*redis.Client, *atomic.Int64) {
	t.Helper()
	read := new(atomic.Int64)
	options := *server.Client(t).Options()
	options.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return meter{conn, read}, err
	}
	client := redis.NewClient(&options)
	t.Cleanup(func() { _ = client.Close() })
	return client, read
}

// TestCountingReadsNoNumber: what counting and looking after a pool reads does not grow with the
// pool.
func TestCountingReadsNoNumber(t *testing.T) {
	t.Parallel()
	const most = 4 << 10
	server := redistest.Start(t)
	plain := server.Client(t)
	s := stock{inventory.New(plain, cooldown), plain}
	client, read := metered(t, server)
	v := inventory.New(client, cooldown)
	all := numbers(10_000, "北京", "上海", "")
	s.fill(t, all)
	for n := range 100 {
		want := alone(string(x(n)))
		s.bind(t, want, s.lease(t, want))
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Counts(t.Context(), pool); err != nil { // which sends the script
		t.Fatal(err)
	}
	read.Store(0)
	got, err := v.Counts(t.Context(), pool)
	if err != nil || got.Counts != (inventory.Counts{Free: len(all) - 100, Bound: 100}) || got.Leases != 100 || got.Unsettled != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := read.Load(); n > most {
		t.Errorf("to count %d numbers %d bytes were read, want %d at most", len(all), n, most)
	}
	byCity := 0
	for _, city := range got.ByCity {
		byCity += city.Total()
	}
	if byCity != len(all) || len(got.ByCity) != 3 {
		t.Errorf("by city: %+v", got.ByCity)
	}
}

// TestCountsOfACity: numbers that rest, leave, are set aside and move to another city are counted
// where they are.
func TestCountsOfACity(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(6, "北京", "上海")) // 0, 2 and 4 in the first
		want := alone("task")
		want.X = x(0)
		s.unbound(t, s.bind(t, want, s.lease(t, want)))
		if _, err := s.SetAside(t.Context(), pool, "isv.NO_NOT_EXIST", x(1)); err != nil {
			t.Fatal(err)
		}
		held := alone("held")
		held.X = x(2)
		s.lease(t, held)
		if _, err := s.Remove(t.Context(), inventory.Removal{Pool: pool, Numbers: all(x(2), x(3)), Force: true}); err != nil {
			t.Fatal(err)
		}
		moved := []inventory.Number{{X: x(5), City: "广州"}}
		if _, err := s.Import(t.Context(), pool, moved); err != nil {
			t.Fatal(err)
		}
		check := func(want map[string]inventory.Counts) {
			t.Helper()
			s.audit(t)
			if diff := cmp.Diff(want, s.count(t).ByCity); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		check(map[string]inventory.Counts{"北京": {Resting: 1, Leaving: 1, Free: 1}, "上海": {Aside: 1}, "广州": {Free: 1}})
		s.Forward(cooldown) // by itself: no script runs
		check(map[string]inventory.Counts{"北京": {Leaving: 1, Free: 2}, "上海": {Aside: 1}, "广州": {Free: 1}})
		s.release(t, inventory.Refusal{Pool: pool, Task: "held", Unperformed: true})
		check(map[string]inventory.Counts{"北京": {Free: 2}, "上海": {Aside: 1}, "广州": {Free: 1}})
	})
}

func all[T any](some ...T) []T { return some }
