package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// The second account of these tests, and the key of its pool, which the first does not have.
const (
	shop        = "shop"
	shopKey     = "shopAccessKeyId"
	shopSecret  = "shopAccessKeySecret"
	shopPoolKey = "FC200000000002"
)

// withShop gives a simulator the second account.
func withShop(c dyplstest.Config, numbers int, quotas map[string]int) dyplstest.Config {
	c.Accounts = []dyplstest.Account{{
		AccessKeyID: shopKey, AccessKeySecret: shopSecret, Quotas: quotas,
		Pools: []dyplstest.Pool{{Key: shopPoolKey, Numbers: dyplstest.Numbers("171", numbers)}},
	}}
	return c
}

// shopCaller signs with the second account's key, at the endpoint of the first one's caller.
func shopCaller(t *testing.T, endpoint string) *aliyun.Client {
	t.Helper()
	client, err := aliyun.New(aliyun.Config{Endpoint: endpoint, Credentials: aliyun.StaticCredentials(shopKey, shopSecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// newTwoAccounts is a system whose worker serves both.
func newTwoAccounts(t *testing.T, timing timing, simulated dyplstest.Config, change func(*Config)) *workerHarness {
	t.Helper()
	return newTimedWorkerHarness(t, timing, simulated, func(c *Config) {
		client, _ := c.Caller.(*aliyun.Client)
		c.Callers = map[string]dypls.Caller{shop: shopCaller(t, endpointOf(client))}
		if change != nil {
			change(c)
		}
	})
}

func shopBind() dypls.BindAXNRequest {
	r := bindRequest()
	r.PoolKey = shopPoolKey
	return r
}

func (s *workerHarness) shopBind(t *testing.T, id string, options ...tasks.Option) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, shopBind(), append(options, tasks.TaskID(id), tasks.Account(shop))...); err != nil {
		t.Fatal(err)
	}
}

func (s *workerHarness) succeeds(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if o := s.outcome(t, id); o.State != tasks.StateSucceeded {
			t.Errorf("%s: %s %s %s", id, o.State, o.Code, o.Message)
		}
	}
}

// TestAccountsAreApart: whatever a task is called for, its account's key signs it, and no other's.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{}, 100, nil), nil)
	expiration := dypls.At(time.Now().Add(time.Hour))
	enqueue := func(_ string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []struct{ name, pool string }{{tasks.DefaultAccount, dyplstest.DefaultPoolKey}, {shop, shopPoolKey}} {
		of, id := tasks.Account(account.name), func(what string) string { return account.name + "-" + what }
		bind := bindRequest()
		bind.PoolKey = account.pool
		enqueue(queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, bind, of, tasks.TaskID(id("bind")))))
		enqueue(queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, bind, of, tasks.TaskID(id("undone")))))
		s.succeeds(t, id("bind"), id("undone"))
		made, err := tasks.BindAXN.Result(t.Context(), s.queue, id("bind"))
		if err != nil {
			t.Fatal(err)
		}
		enqueue(queuetest.ID(tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
			PoolKey: account.pool, SubsID: made.SubsID, PhoneNoX: made.SecretNo, OperateType: dypls.UpdateExpire, Expiration: expiration,
		}, of, tasks.TaskID(id("update")))))
		enqueue(queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{}, of, tasks.UnbindOf(id("undone")), tasks.TaskID(id("unbind")))))
		enqueue(queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, dypls.QueryRecordFileDownloadURLRequest{
			PoolKey: account.pool, CallID: id("call"), CallTime: dypls.At(time.Now().Add(-time.Hour)),
		}, of, tasks.TaskID(id("recording")))))
		s.succeeds(t, id("update"), id("unbind"), id("recording"))
	}
	keys := map[string]string{dyplstest.DefaultPoolKey: dyplstest.DefaultAccessKeyID, shopPoolKey: shopKey}
	calls := map[string]int{}
	for _, e := range s.simulator.Ledger() {
		calls[e.AccessKeyID]++
		if !e.Performed || e.AccessKeyID != keys[e.Parameters["PoolKey"]] {
			t.Errorf("%s for the pool %s by %s: %s", e.Action, e.Parameters["PoolKey"], e.AccessKeyID, e.Code)
		}
	}
	if calls[shopKey] != 5 || calls[dyplstest.DefaultAccessKeyID] != 5 {
		t.Errorf("%v", calls)
	}
	if log := s.log.String(); strings.Contains(log, shopKey) || strings.Contains(log, shopSecret) || !strings.Contains(log, `"account":"shop"`) {
		t.Error("the log does not name the account, or tells more of it")
	}
}

// TestLookOfAnAccount: what became of a call whose answer was lost is asked with the key that made
// it.
func TestLookOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
	}, 10, nil), nil)
	request := shopBind()
	request.PhoneNoX = dyplstest.Numbers("171", 1)[0]
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("k"), tasks.Account(shop)); err != nil {
		t.Fatal(err)
	}
	s.succeeds(t, "k")
	var actions []string
	for _, e := range s.simulator.Ledger() {
		actions = append(actions, e.Action)
		if e.AccessKeyID != shopKey {
			t.Errorf("%s by %s", e.Action, e.AccessKeyID)
		}
	}
	if !slices.Equal(actions, []string{"BindAxn", "QuerySubsId", "QuerySubscriptionDetail"}) {
		t.Errorf("%v", actions)
	}
}

// TestSurplusOfAnAccount: a binding too many is removed by the account that made it.
func TestSurplusOfAnAccount(t *testing.T) {
	t.Parallel()
	caller := &stalls{held: make(chan struct{}), free: make(chan struct{})}
	release := sync.OnceFunc(func() { close(caller.free) })
	short := timing{claimLease: 2 * time.Second, reconcileAfter: 100 * time.Millisecond, verifyAgainAfter: 200 * time.Millisecond}
	s := newTwoAccounts(t, short, withShop(dyplstest.Config{}, 10, nil), func(c *Config) {
		caller.Caller, c.OnUncertain = c.Callers[shop], UncertainRetry
		c.Callers[shop] = caller
	})
	t.Cleanup(release) // before the worker drains
	s.shopBind(t, "k")
	<-caller.held
	client := asynq.NewClientFromRedisClient(s.redis)
	payload := asynqwire.Payload{Version: 2, ID: "k", Account: shop}.Encode()
	if _, err := client.Enqueue(asynq.NewTask("dypls:BindAxn", payload), asynq.Queue("bind"), asynq.TaskID("k.2")); err != nil {
		t.Fatal(err)
	}
	s.succeeds(t, "k")
	release()
	s.logged(t, "surplus binding; unbinding it")
	removal := "surplus:shop:" + s.bound()[0]
	// which the log comes before
	redistest.Poll(t, outcomeWithin, "its removal to be queued", func(ctx context.Context) error {
		o, err := s.queue.Outcome(ctx, removal)
		if err == nil && o.State == tasks.StateUnknown {
			err = errors.New("not yet")
		}
		return err
	})
	s.succeeds(t, removal)
	for _, e := range s.simulator.Ledger() {
		if e.AccessKeyID != shopKey {
			t.Errorf("%s by %s", e.Action, e.AccessKeyID)
		}
	}
}

// TestForeignDeliveryIsReplaced: an old delivery under the key of a new task does not perform it
// with other credentials.
func TestForeignDeliveryIsReplaced(t *testing.T) {
	t.Parallel()
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{}, 10, nil), nil)
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("k"), tasks.ProcessIn(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	// its time is over, and asynq still has the delivery
	if err := s.redis.Del(t.Context(), record.Key("k")).Err(); err != nil {
		t.Fatal(err)
	}
	s.shopBind(t, "k")
	s.succeeds(t, "k")
	entries := s.simulator.Ledger()
	if len(entries) != 1 || entries[0].AccessKeyID != shopKey {
		t.Errorf("%+v", entries)
	}
	s.logged(t, "stale delivery")
}

// TestUnbindOfAnothersBind: an unbind removes nothing for a bind under whose key another account
// has one by the time that it runs.
func TestUnbindOfAnothersBind(t *testing.T) {
	t.Parallel()
	s := newTwoAccounts(t, quick, withShop(dyplstest.Config{}, 10, nil), nil)
	s.bind(t, "k")
	s.succeeds(t, "k")
	if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{},
		tasks.UnbindOf("k"), tasks.TaskID("unbind"), tasks.ProcessIn(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	s.forget(t, "k")
	s.shopBind(t, "k")
	s.succeeds(t, "k")
	if o := s.outcome(t, "unbind"); o.State != tasks.StateFailed || !strings.Contains(o.Message, "no longer kept") {
		t.Errorf("%s: %s", o.State, o.Message)
	}
	if n := len(s.simulator.Bindings()); n != 2 {
		t.Errorf("%d are bound", n)
	}
}

func endpointOf(client *aliyun.Client) string {
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(client), "aliyun.Client("), ")")
}

func TestConfigOfAccounts(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	for want, change := range map[string]func(*Config){
		"":                           func(c *Config) { c.Callers = map[string]dypls.Caller{shop: panickyCaller{}} },
		"the account's name must be": func(c *Config) { c.Account = "a b" },
		`"a:b" must be`:              func(c *Config) { c.Callers = map[string]dypls.Caller{"a:b": panickyCaller{}} },
		"leave it out of Callers":    func(c *Config) { c.Callers = map[string]dypls.Caller{tasks.DefaultAccount: panickyCaller{}} },
		"account own is the one":     func(c *Config) { c.Account, c.Callers = "own", map[string]dypls.Caller{"own": panickyCaller{}} },
		"Caller of the account shop": func(c *Config) { c.Callers = map[string]dypls.Caller{shop: nil} },
	} {
		config := Config{client: client, Caller: panickyCaller{}}
		change(&config)
		_, err := New(config)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

var errNotDone = errors.New("not done")
