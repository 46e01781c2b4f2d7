package worker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestAccountBeyondItsShareMakesRoom(t *testing.T) {
	t.Parallel()
	if newWaitQuotas(map[string]int{"bind": 8}, 1)["bind"].requestPlace() != nil {
		t.Error("one account evicts itself")
	}
	_, limiters := newLimiters(t, 1, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 5} })
	slow, quick := limiters[0].Action("BindAxn"), limiters[0].Action("BindAxb")
	c := newWaitQuotas(map[string]int{"bind": 8}, 2)["bind"]
	a, b := &account{name: "a"}, &account{name: "b"}
	stay := func(of *account) (bool, func()) {
		away, leave := c.startWaiting(of, slow)
		return away == nil, leave
	}
	first, leave := stay(a)
	second, _ := stay(a)
	third, _ := stay(a)
	other, _ := stay(b)
	leave()
	again, _ := stay(a)
	if !first || !second || third || !other || again {
		t.Error(first, second, third, other, again)
	}
	if !c.mustRequeue(a, slow) || c.mustRequeue(b, slow) {
		t.Error("nobody goes back, or the wrong one")
	}
	if away, _ := c.startWaiting(a, quick); away != nil || c.mustRequeue(a, quick) {
		t.Error("one whose token is near is sent away")
	}
}

// binds enqueues many binds of an account, and returns their ids.
func (s *workerHarness) binds(t *testing.T, account, what string, n int) []string {
	t.Helper()
	items, ids := make([]tasks.Item[dypls.BindAXNRequest], n), make([]string, n)
	for i := range items {
		r := bindRequest()
		if account == shop {
			r = shopBind()
		}
		ids[i] = fmt.Sprint(account, "-", what, "-", i)
		items[i] = tasks.Item[dypls.BindAXNRequest]{Request: r, Options: []tasks.Option{tasks.TaskID(ids[i]), tasks.Account(account)}}
	}
	if _, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, items); err != nil {
		t.Fatal(err)
	}
	return ids
}

// allSucceed waits until all of them have, and returns how long that took.
func (s *workerHarness) allSucceed(t *testing.T, ids []string) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*outcomeWithin)
	defer cancel()
	err := s.queue.WaitAll(ctx, ids, func(o tasks.Outcome) {
		if o.State != tasks.StateSucceeded || o.Attempts != 1 {
			t.Errorf("%s: %s %s after %d attempts", o.ID, o.State, o.Code, o.Attempts)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// TestThrottledAccountHoldsNobodyUp: one account may make 5 calls a second and has 2,000 tasks in
// the queue before those of the other, which are done long before. The throttled one loses nothing
// of its quota.
func TestThrottledAccountHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			t.Parallel()
			throttledHoldsNobodyUp(t, shards)
		})
	}
}

func throttledHoldsNobodyUp(t *testing.T, shards int) {
	t.Helper()
	const quota, ahead, own = 5, 2000, 200
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 4*own)}},
	}, ahead, map[string]int{"BindAxn": quota}), func(c *Config) { c.Concurrency, c.Shards = 64, shards })
	s.queue = queuetest.New(t, tasks.Config{Client: s.redis, Shards: shards})
	t.Cleanup(func() { _ = s.queue.Close() })
	s.allSucceed(t, s.binds(t, tasks.DefaultAccount, "first", own))
	alone := s.allSucceed(t, s.binds(t, tasks.DefaultAccount, "alone", own))
	began := time.Now()
	s.binds(t, shop, "throttled", ahead)
	beside := s.allSucceed(t, s.binds(t, tasks.DefaultAccount, "beside", own))
	// counted, not timed: behind all of them it would be 2,000, after 400 s
	if n := s.bindsOf(shopKey); n > ahead/4 {
		t.Errorf("the others were done after %d tasks of the throttled account, %s beside it and %s alone", n, beside, alone)
	}
	redistest.Poll(t, outcomeWithin, "the throttled account to go on", func(context.Context) error {
		if time.Since(began) < 10*time.Second || s.bindsOf(shopKey) < 8*quota {
			return errNotDone
		}
		return nil
	})
	took := time.Since(began)
	t.Logf("%d tasks in %s alone, %s behind %d of an account with %d/s; of that one, %d in %s",
		own, alone.Round(time.Millisecond), beside.Round(time.Millisecond), ahead, quota, s.bindsOf(shopKey), took.Round(time.Millisecond))
}

// bindsOf counts the binds that an access key has made.
func (s *workerHarness) bindsOf(key string) (n int) {
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.AccessKeyID == key {
			n++
		}
	}
	return n
}

// TestDeniedAccountHoldsNobodyUp: one account is suspended; the other's tasks are done, and only
// the first one's breaker is open.
func TestDeniedAccountHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 200)}},
		Faults: []dyplstest.Fault{{Match: map[string]string{"AccessKeyId": shopKey}, Code: "isv.OUT_OF_SERVICE"}},
	}, 500, nil), nil)
	s.binds(t, shop, "denied", 500)
	s.allSucceed(t, s.binds(t, tasks.DefaultAccount, "free", 200))
	s.logged(t, `"message":"circuit breaker opened`)
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "circuit breaker opened") && !strings.Contains(line, `"account":"shop"`) {
			t.Errorf("opened as well: %s", line)
		}
	}
	denied := 0
	for _, e := range s.simulator.Ledger() {
		if e.AccessKeyID == shopKey {
			denied++
		}
	}
	if denied > 50 {
		t.Errorf("%d calls of the suspended account", denied)
	}
}
