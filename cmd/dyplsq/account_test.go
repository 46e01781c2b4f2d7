package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	shopKey    = "shopAccessKeyId"
	shopSecret = "shopAccessKeySecret"
	shopPool   = "FC300000000003"
)

// newShop is a system with a second account, whose credentials are the profile shop of a file, and
// where a worker of both is up.
func newShop(t *testing.T) *systemtest.System {
	t.Helper()
	s := systemtest.New(t, dyplstest.Config{Accounts: []dyplstest.Account{{
		AccessKeyID: shopKey, AccessKeySecret: shopSecret, Pools: []dyplstest.Pool{{Key: shopPool, Numbers: dyplstest.Numbers("172", 100)}},
	}}})
	s.Env = append(s.Env, "ALIBABA_CLOUD_CREDENTIALS_FILE="+credentialsFile(t,
		"[shop]\ntype = access_key\naccess_key_id = "+shopKey+"\naccess_key_secret = "+shopSecret+"\n"))
	return s
}

func credentialsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keysOf are the keys that signed calls for each pool.
func keysOf(s *systemtest.System) map[string][]string {
	keys := map[string][]string{}
	for _, e := range s.Simulator.Ledger() {
		pool := e.Parameters["PoolKey"]
		if !slices.Contains(keys[pool], e.AccessKeyID) {
			keys[pool] = append(keys[pool], e.AccessKeyID)
		}
	}
	return keys
}

func shopBind(number int, more string) string {
	return strings.Replace(systemtest.Bind(number, more), dyplstest.DefaultPoolKey, shopPool, 1)
}

// TestTwoAccounts: one worker performs the tasks of two accounts, each with its own key, and
// everything tells which is which.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, url := s.ObservedWorker(t, "--account", "shop")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "20s")
	s.Enqueue(t, statusOK, "BindAxn", shopBind(2, ""), "--account", "shop", "--id", "flag", "--wait", "20s")
	own := s.Env
	s.Env = append(slices.Clone(own), "DYPLSQ_ACCOUNT=shop")
	s.Enqueue(t, statusOK, "BindAxn", shopBind(3, ""), "--wait", "20s")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(4, `,"Account":"default"`), "--wait", "20s")
	s.Env = own
	lines := shopBind(5, `,"Account":"shop","TaskID":"line"`) + "\n" + systemtest.Bind(6, "") + "\n"
	if r := systemtest.Run(t, s.Env, lines, "enqueue", "BindAxn", "-", "--wait", "20s", "--json"); r.Status != statusOK || !strings.Contains(r.Out, `"account":"shop"`) {
		t.Errorf("exit status %d: %s%s", r.Status, r.Out, r.Errors)
	}
	want := map[string][]string{dyplstest.DefaultPoolKey: {dyplstest.DefaultAccessKeyID}, shopPool: {shopKey}}
	if got := keysOf(s); fmt.Sprint(got) != fmt.Sprint(want) || len(s.Simulator.Bindings()) != 6 {
		t.Errorf("signed by %v, %d bindings", got, len(s.Simulator.Bindings()))
	}
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", shopBind(2, ""), "--id", "flag"); r.Status != statusUsage || !strings.Contains(r.Errors, "differs in Account") {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", shopBind(7, ""), "--account", "a b"); r.Status != statusUsage || !strings.Contains(r.Errors, "Account must not contain white space") {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "explain", "line"); r.Status != statusOK || !strings.Contains(r.Out, "shop") {
		t.Errorf("exit status %d: %s", r.Status, r.Out)
	}
	r := systemtest.Run(t, s.Env, "", "doctor", "--account", "shop")
	for _, says := range []string{"performed: default, shop", "account shop: found, from the profile shop", "account shop: BindAxn "} {
		if !strings.Contains(r.Out, says) {
			t.Errorf("doctor does not say %q:\n%s", says, r.Out)
		}
	}
	_, metrics := systemtest.Get(t, url+"/metrics")
	for _, line := range []string{
		`dyplsq_attempts_total{account="shop",action="BindAxn",class="",code="OK"} 3`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="",code="OK"} 3`, `dyplsq_quota_rate{account="shop",budget="BindAxn"}`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("lacks %s", line)
		}
	}
	for name, text := range map[string]string{"log": p.Text(), "metrics": metrics, "doctor": r.Out} {
		if strings.Contains(text, shopKey) || strings.Contains(text, shopSecret) {
			t.Errorf("the %s shows credentials", name)
		}
	}
}

// TestHeldAccount: what no worker knows is held, seen, and performed once one does.
func TestHeldAccount(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, url := s.ObservedWorker(t)
	s.Enqueue(t, statusPending, "BindAxn", shopBind(1, ""), "--account", "shop", "--id", "k", "--wait", "1s")
	redistest.Poll(t, systemtest.StartWithin, "the account to be missed", p.Wrote(`"account":"shop"`))
	if _, metrics := systemtest.Get(t, url+"/metrics"); !strings.Contains(metrics, `dyplsq_account_missing{account="shop"} 1`) {
		t.Error("the metrics do not tell")
	}
	for command, says := range map[string]string{"explain k": "no running worker knows its account shop", "doctor": "tasks of the account shop are held"} {
		if r := systemtest.Run(t, s.Env, "", strings.Fields(command)...); !strings.Contains(r.Out, says) {
			t.Errorf("%s: %s", command, r.Out)
		}
	}
	if n := len(s.Simulator.Ledger()); n != 0 {
		t.Errorf("%d calls", n)
	}
	p.Terminate(t, syscall.SIGTERM)
	s.Env = append(s.Env, "DYPLSQ_ACCOUNTS=shop")
	s.Worker(t)
	if o := s.Outcome(t, "k", "60s"); o.State != tasks.StateSucceeded || o.Attempts != 1 || o.Account != "shop" {
		t.Errorf("%+v", o)
	}
}

// TestMissingProfile: a worker does not start without the credentials of an account that it was
// told to perform.
func TestMissingProfile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, account := range []struct{ name, says string }{
		{"food", "no credentials for the profile food"}, {"default", "leave it out"}, {"a b", "remove the space within it"}, {"a+b", "rename the profile"},
	} {
		r := systemtest.Run(t, s.Env, "", "worker", "--account", "shop", "--account", account.name)
		if r.Status != statusUsage || !strings.Contains(r.Errors, account.says) || strings.Contains(r.Errors, shopSecret) {
			t.Errorf("%s: exit status %d: %s", account.name, r.Status, systemtest.Tail(r.Errors))
		}
	}
}
