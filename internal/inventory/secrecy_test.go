package inventory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// A and B are in no key, no value and no error.
func TestNoRealNumberInRedis(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3))
		const a, b, c, e = dypls.Phone("13912345678"), dypls.Phone("02187654321"), dypls.Phone("15033334444"), "999888777"
		marks := []string{string(a), string(b), string(c), e}
		var told []string
		for _, kind := range []inventory.Kind{inventory.Alone, inventory.Pair, inventory.Extension} {
			want := inventory.Want{Pool: pool, Task: "task-" + string(kind), Kind: kind, A: a, B: b}
			got := s.lease(t, want)
			binding := inventory.Binding{
				Pool: pool, Task: want.Task, Kind: kind, A: a, B: b, X: got.X, Extension: got.Extension, SubsID: string(kind),
				Until: s.clock(t).Add(time.Hour),
			}
			if kind != inventory.Extension {
				binding.Extension = e // as the service answers: B, or A, in the place of an extension
			}
			if err := s.Bound(t.Context(), binding); err != nil {
				t.Error(err)
			}
			for _, change := range []inventory.Change{{A: c}, {B: c}} {
				change.Pool, change.X, change.SubsID = pool, got.X, binding.SubsID
				if _, err := s.Update(t.Context(), change); err != nil {
					t.Error(err)
				}
			}
			binding.X, binding.Kind, binding.Extension = c+"x", inventory.Extension, string(a)
			told = append(told, s.Bound(t.Context(), binding).Error())
		}
		dump := slices.Concat(told, s.dump(t))
		if len(dump) < 30 {
			t.Fatalf("the dump is short: %q", dump)
		}
		for _, text := range dump {
			for _, mark := range marks {
				if strings.Contains(text, mark) {
					t.Errorf("%s holds %s", text, mark)
				}
			}
		}
	})
}

// dump is every key and value of the Redis.
func (s stock) dump(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, k := range s.client.Keys(t.Context(), "*").Val() {
		all = append(all, k)
		switch kind := s.client.Type(t.Context(), k).Val(); kind {
		case "string":
			all = append(all, s.client.Get(t.Context(), k).Val())
		case "set":
			all = append(all, s.client.SMembers(t.Context(), k).Val()...)
		case "hash":
			for field, value := range s.client.HGetAll(t.Context(), k).Val() {
				all = append(all, field, value)
			}
		case "zset":
			all = append(all, s.client.ZRange(t.Context(), k, 0, -1).Val()...)
		default:
			t.Errorf("%s is a %s", k, kind)
		}
	}
	return all
}

// Where Redis was emptied, a process that was there before takes the new secret.
func TestSecretIsReplaced(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		s.lease(t, pair("before", 1, 2))
		s.client.FlushAll(t.Context())
		other := stock{s.process(cooldown), s.client}
		other.fill(t, numbers(2))
		first := other.lease(t, pair("there", 1, 2))
		if second := s.lease(t, pair("here", 1, 3)); second.X == first.X {
			t.Error("two processes hash the same number in two ways")
		}
	})
}
