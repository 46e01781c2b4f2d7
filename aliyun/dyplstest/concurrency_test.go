package dyplstest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// TestConcurrentBinds has 64 callers bind, unbind and read at once, and checks what the rules
// promise.
func TestConcurrentBinds(t *testing.T) {
	t.Parallel()
	const callers, each = 64, 20
	b := setup(t, dyplstest.Config{
		Now:   time.Now,
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 800)}},
	})
	call := func(action string, p params) answer { return do(t, b, newUnsigned(action, p, time.Now()).v3()) }
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				bind := nowAXN().with(params{"PhoneNoA": fmt.Sprintf("150%04d%04d", caller, i)})
				made := call("BindAxn", bind)
				call("BindAxb", bind.with(params{"PhoneNoA": "1500000000" + strconv.Itoa(i%10), "PhoneNoB": fmt.Sprintf("151%04d%04d", caller, i)}))
				if made.Code == "OK" && i%4 == 0 {
					call("UnbindSubscription", params{
						"PoolKey": dyplstest.DefaultPoolKey, "SubsId": made.SecretBindDTO.SubsId, "SecretNo": made.SecretBindDTO.SecretNo,
					})
				}
			}
			_, _ = b.Bindings(), b.Ledger()
		})
	}
	all.Wait()
	wantRulesKept(t, b)
}

// wantRulesKept checks that no X is shared that must not be, and that ledger and bindings agree.
func wantRulesKept(t *testing.T, b bench) {
	t.Helper()
	exclusive, people, pairs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, one := range b.Bindings() {
		x := string(one.PhoneNoX)
		if one.Action == "BindAxn" {
			if exclusive[x] {
				t.Errorf("X %s serves two", x)
			}
			exclusive[x] = true
			continue
		}
		pairs[x] = true
		for _, person := range []string{string(one.PhoneNoA), string(one.PhoneNoB)} {
			if people[x+person] {
				t.Errorf("X %s knows %s twice", x, person)
			}
			people[x+person] = true
		}
	}
	for x := range pairs {
		if exclusive[x] {
			t.Errorf("X %s serves an AXN and pairs", x)
		}
	}
	balance, ids := 0, map[string]bool{}
	for _, e := range b.Ledger() {
		switch {
		case !e.Performed:
		case e.Action == "UnbindSubscription":
			balance--
		default:
			balance++
			if ids[e.SubsID] {
				t.Errorf("SubsId %s was given twice", e.SubsID)
			}
			ids[e.SubsID] = true
		}
	}
	if got := len(b.Bindings()); got != balance || got == 0 {
		t.Errorf("%d bindings, and %d by the ledger", got, balance)
	}
}

// TestBigPoolRunsOut takes every number of a big pool: each once, and none is looked for in vain.
func TestBigPoolRunsOut(t *testing.T) {
	t.Parallel()
	const n = 2000
	b := setup(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", n)}}})
	seen := map[string]bool{}
	for range n {
		seen[b.want("OK", "BindAxn", b.axn(nil)).SecretBindDTO.SecretNo] = true
	}
	if len(seen) != n {
		t.Errorf("%d numbers were given to %d", len(seen), n)
	}
	b.want("isv.NO_AVAILABLE_NUMBER", "BindAxn", b.axn(nil))
	b.advance(time.Hour)
	b.want("OK", "BindAxn", b.axn(nil))
}

// BenchmarkBindAXN is a bind in a pool of 100,000 numbers, without a network.
func BenchmarkBindAXN(b *testing.B) {
	sim, err := dyplstest.New(dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 100_000)}}})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	requests := make([]*http.Request, b.N)
	for i := range requests {
		requests[i] = newUnsigned("BindAxn", nowAXN(), now).v3()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, r := range requests {
		sim.ServeHTTP(httptest.NewRecorder(), r)
	}
}
