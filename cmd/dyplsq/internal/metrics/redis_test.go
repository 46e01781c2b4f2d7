package metrics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRedisErrors: each way in which Redis fails is counted as what an operator has to do about it,
// and what is no failure is not.
func TestRedisErrors(t *testing.T) {
	t.Parallel()
	m := New()
	server := redistest.Start(t)
	client, plain, ctx := server.Client(t), server.Client(t), t.Context()
	client.AddHook(m.RedisHook())
	is := func(when, want string) {
		t.Helper()
		if got := counted(t, m, "dyplsq_redis_errors_total"); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	config := func(args ...any) {
		t.Helper()
		if err := plain.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
	}

	_ = client.Get(ctx, "nothing").Err()
	_ = client.EvalSha(ctx, strings.Repeat("a", 40), nil).Err()
	is("no key, no script", "")
	config("SET", "text", "x")
	_ = client.LPush(ctx, "text", 1).Err()
	is("a wrong type", "refused 1")
	config("CONFIG", "SET", "maxmemory", "1")
	_ = client.Set(ctx, "a", 1, 0).Err()
	pipe := client.Pipeline()
	pipe.Get(ctx, "nothing")
	pipe.Set(ctx, "a", 1, 0)
	_, _ = pipe.Exec(ctx)
	_ = client.Eval(ctx, "return redis.call('SET', KEYS[1], 1)", []string{"a"}).Err()
	is("no memory", "full 3, refused 1")
	config("CONFIG", "SET", "maxmemory", "0")
	config("REPLICAOF", "127.0.0.1", "1")
	_ = client.Set(ctx, "a", 1, 0).Err()
	is("a replica", "full 3, readonly 1, refused 1")
	server.Kill()
	_ = client.Set(ctx, "a", 1, 0).Err()
	pipe = client.Pipeline()
	pipe.Set(ctx, "a", 1, 0)
	_, _ = pipe.Exec(ctx)
	is("no Redis", "full 3, readonly 1, refused 1, unreachable 2")
}

// counted is what a counter of one label has counted.
func counted(t *testing.T, m *Metrics, name string) string {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if n := metric.GetCounter().GetValue(); family.GetName() == name && n > 0 {
				counts = append(counts, fmt.Sprintf("%s %g", metric.GetLabel()[0].GetValue(), n))
			}
		}
	}
	return strings.Join(counts, ", ")
}
