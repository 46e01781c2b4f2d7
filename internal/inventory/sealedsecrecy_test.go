package inventory_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // what others would guess with
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
)

// inClear fails the test for each number, or hash of one that needs no key, that stands in Redis.
func (s stock) inClear(t *testing.T, numbers ...dypls.Phone) {
	t.Helper()
	dump := strings.Join(s.dump(t), "\n")
	if len(dump) < 1000 {
		t.Fatalf("the dump is short: %q", dump)
	}
	for _, n := range numbers {
		short, long, longer := md5.Sum([]byte(n)), sha1.Sum([]byte(n)), sha256.Sum256([]byte(n)) //nolint:gosec // see above
		marks := []string{string(n)}
		for _, sum := range [][]byte{short[:], long[:], longer[:]} {
			marks = append(marks, string(sum), hex.EncodeToString(sum), base64.RawStdEncoding.EncodeToString(sum),
				base64.RawURLEncoding.EncodeToString(sum[:16]))
		}
		for _, mark := range marks {
			if strings.Contains(dump, mark) {
				t.Errorf("Redis holds %q, of %s", mark, string(n))
			}
		}
	}
}

// With keys no number stands in Redis, neither from the start nor after it is sealed.
func TestNoNumberInRedisWithKeys(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"from the start": false, "sealed later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) { sealedInventory(t, s, before) })
		})
	}
}

func sealedInventory(t *testing.T, s stock, before bool) {
	t.Helper()
	keys := sealtest.New(t)
	if s.WithKeys(nil); !before {
		s.WithKeys(keys)
	}
	s.fill(t, numbers(6, "北京", ""))
	for i, want := range []inventory.Want{alone("alone"), pair("pair", 1, 2), extension("extension"), pair("rests", 3, 4), pair("open", 5, 6)} {
		got := s.lease(t, want)
		if i == 4 {
			break
		}
		if b := s.bind(t, want, got); i == 3 {
			s.unbound(t, b)
		}
	}
	if _, err := s.Remove(t.Context(), inventory.Removal{Pool: pool, Numbers: []dypls.Phone{x(1), x(5)}, Force: true}); err != nil {
		t.Error(err)
	}
	if before {
		s.WithKeys(keys)
		s.seal(t)
	}
	s.audit(t)
	all := []dypls.Phone{person(1), person(2), person(3), person(4), person(5), person(6)}
	for i := range 6 {
		all = append(all, x(i))
	}
	s.inClear(t, all...)
}

// What Redis is sent shows in MONITOR and the slow log: of a pool that is sealed, no number and no
// hash that can be tried.
func TestNoNumberIsSentOfASealedPool(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	s := stock{inventory.New(client, cooldown).WithKeys(sealtest.New(t)), client}
	log := &logtest.Log{}
	client.AddHook(eavesdropper{log})
	s.fill(t, numbers(3, "北京"))
	want := pair("task", 1, 2)
	b := s.bind(t, want, s.lease(t, want))
	change := inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID, A: person(3), Until: time.Now().Add(2 * time.Hour)}
	if _, err := s.Prolong(t.Context(), change); err != nil {
		t.Error(err)
	}
	if known, err := s.Update(t.Context(), change); err != nil || !known {
		t.Errorf("%t, %v", known, err)
	}
	if known, err := s.Knows(t.Context(), pool, b.X, b.SubsID); err != nil || !known {
		t.Errorf("%t, %v", known, err)
	}
	named := alone("named")
	named.X = x(2)
	s.lease(t, named)
	s.release(t, inventory.Refusal{Pool: pool, Task: "named", X: x(2), Unperformed: true})
	s.unbound(t, b)
	if n, err := s.SetAside(t.Context(), pool, "isv.NO_NOT_EXIST", x(1)); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := s.Import(t.Context(), "FC-another", []inventory.Number{{X: "40012345678901234567"}}); err != nil {
		t.Error(err)
	}
	secret := client.Get(t.Context(), inventory.Key(pool, "secret")).Val()
	marks := []string{"40012345678901234567"}
	for i := range 4 {
		mac := hmac.New(sha256.New, []byte(secret[16:]))
		mac.Write([]byte(person(i)))
		marks = append(marks, string(x(i)), string(person(i)), base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]))
	}
	for _, mark := range marks {
		if strings.Contains(log.String(), mark) {
			t.Errorf("Redis is sent %s", mark)
		}
	}
	if !strings.Contains(log.String(), "isv.NO_NOT_EXIST") {
		t.Errorf("it heard little: %s", log)
	}
}

// eavesdropper writes down what is sent.
type eavesdropper struct{ log *logtest.Log }

func (e eavesdropper) DialHook(next redis.DialHook) redis.DialHook { return next }

func (e eavesdropper) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		_, _ = fmt.Fprintln(e.log, cmd.Args()...)
		return next(ctx, cmd)
	}
}

func (e eavesdropper) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			_, _ = fmt.Fprintln(e.log, cmd.Args()...)
		}
		return next(ctx, cmds)
	}
}
