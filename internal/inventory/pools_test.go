package inventory

import (
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// TestPoolsThatAreManyAreForgotten: producers name pools, right or wrong, and what is remembered of
// them has a bound.
func TestPoolsThatAreManyAreForgotten(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	v := New(client, DefaultCooldown)
	if _, err := v.Import(t.Context(), "own", []Number{{X: "17000000001"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * poolsKnown {
		pool := fmt.Sprint("wrong-", i)
		if has, err := v.Has(t.Context(), pool); err != nil || has {
			t.Fatalf("pool %s: %t, %v", pool, has, err)
		}
		if _, err := v.secretOf(t.Context(), pool); err != nil { // as for a pair
			t.Fatal(err)
		}
	}
	if len(v.has) > poolsKnown || len(v.secrets) > poolsKnown {
		t.Errorf("remembered are %d pools, and %d secrets, want %d at most", len(v.has), len(v.secrets), poolsKnown)
	}
	if has, err := v.Has(t.Context(), "own"); err != nil || !has {
		t.Errorf("the pool that has numbers: %t, %v", has, err)
	}
	var x dypls.Phone = "17000000001"
	if got, err := v.Lease(t.Context(), Want{Pool: "own", Task: "k", Kind: Pair, A: "13900000001", B: "13900000002"}); err != nil || got.X != x {
		t.Errorf("%+v, %v", got, err)
	}
}
