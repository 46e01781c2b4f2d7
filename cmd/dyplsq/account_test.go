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
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	shopKey    = "shopAccessKeyId"
	shopSecret = "shopAccessKeySecret"
	shopPool   = "FC300000000003"
)

// newShop is a system with a second account, whose credentials are the profile shop of a file, and where a worker of both is up.
func newShop(t *testing.T) *system {
	t.Helper()
	s := newSystem(t, dyplstest.Config{Accounts: []dyplstest.Account{{
		AccessKeyID: shopKey, AccessKeySecret: shopSecret, Pools: []dyplstest.Pool{{Key: shopPool, Numbers: dyplstest.Numbers("172", 100)}},
	}}})
	s.env = append(s.env, "ALIBABA_CLOUD_CREDENTIALS_FILE="+credentialsFile(t,
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
func (s *system) keysOf() map[string][]string {
	keys := map[string][]string{}
	for _, e := range s.simulator.Ledger() {
		pool := e.Parameters["PoolKey"]
		if !slices.Contains(keys[pool], e.AccessKeyID) {
			keys[pool] = append(keys[pool], e.AccessKeyID)
		}
	}
	return keys
}

func shopBind(number int, more string) string {
	return strings.Replace(bind(number, more), dyplstest.DefaultPoolKey, shopPool, 1)
}

// TestTwoAccounts: one worker performs the tasks of two accounts, each with its own key, and everything tells which is which.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, url := s.observedWorker(t, "--account", "shop")
	s.enqueue(t, statusOK, "BindAxn", bind(1, ""), "--wait", "20s")
	s.enqueue(t, statusOK, "BindAxn", shopBind(2, ""), "--account", "shop", "--id", "flag", "--wait", "20s")
	own := s.env
	s.env = append(slices.Clone(own), "DYPLSQ_ACCOUNT=shop")
	s.enqueue(t, statusOK, "BindAxn", shopBind(3, ""), "--wait", "20s")
	s.enqueue(t, statusOK, "BindAxn", bind(4, `,"Account":"default"`), "--wait", "20s")
	s.env = own
	lines := shopBind(5, `,"Account":"shop","TaskID":"line"`) + "\n" + bind(6, "") + "\n"
	if r := dyplsq(t, s.env, lines, "enqueue", "BindAxn", "-", "--wait", "20s", "--json"); r.status != statusOK || !strings.Contains(r.out, `"account":"shop"`) {
		t.Errorf("exit status %d: %s%s", r.status, r.out, r.errors)
	}
	want := map[string][]string{dyplstest.DefaultPoolKey: {dyplstest.DefaultAccessKeyID}, shopPool: {shopKey}}
	if got := s.keysOf(); fmt.Sprint(got) != fmt.Sprint(want) || len(s.simulator.Bindings()) != 6 {
		t.Errorf("signed by %v, %d bindings", got, len(s.simulator.Bindings()))
	}
	if r := dyplsq(t, s.env, "", "enqueue", "BindAxn", shopBind(2, ""), "--id", "flag"); r.status != statusUsage || !strings.Contains(r.errors, "differs in Account") {
		t.Errorf("exit status %d: %s", r.status, r.errors)
	}
	if r := dyplsq(t, s.env, "", "enqueue", "BindAxn", shopBind(7, ""), "--account", "a b"); r.status != statusUsage || !strings.Contains(r.errors, "Account must not contain white space") {
		t.Errorf("exit status %d: %s", r.status, r.errors)
	}
	if r := dyplsq(t, s.env, "", "explain", "line"); r.status != statusOK || !strings.Contains(r.out, "shop") {
		t.Errorf("exit status %d: %s", r.status, r.out)
	}
	r := dyplsq(t, s.env, "", "doctor", "--account", "shop")
	for _, says := range []string{"performed: default, shop", "account shop: found, from the profile shop", "account shop: BindAxn "} {
		if !strings.Contains(r.out, says) {
			t.Errorf("doctor does not say %q:\n%s", says, r.out)
		}
	}
	_, metrics := get(t, url+"/metrics")
	for _, line := range []string{
		`dyplsq_attempts_total{account="shop",action="BindAxn",class="",code="OK"} 3`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="",code="OK"} 3`, `dyplsq_quota_rate{account="shop",budget="BindAxn"}`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("lacks %s", line)
		}
	}
	for name, text := range map[string]string{"log": p.text(), "metrics": metrics, "doctor": r.out} {
		if strings.Contains(text, shopKey) || strings.Contains(text, shopSecret) {
			t.Errorf("the %s shows credentials", name)
		}
	}
}

// TestHeldAccount: what no worker knows is held, seen, and performed once one does.
func TestHeldAccount(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, url := s.observedWorker(t)
	s.enqueue(t, statusPending, "BindAxn", shopBind(1, ""), "--account", "shop", "--id", "k", "--wait", "1s")
	redistest.Poll(t, startWithin, "the account to be missed", p.wrote(`"account":"shop"`))
	if _, metrics := get(t, url+"/metrics"); !strings.Contains(metrics, `dyplsq_account_missing{account="shop"} 1`) {
		t.Error("the metrics do not tell")
	}
	for command, says := range map[string]string{"explain k": "no running worker knows its account shop", "doctor": "tasks of the account shop are held"} {
		if r := dyplsq(t, s.env, "", strings.Fields(command)...); !strings.Contains(r.out, says) {
			t.Errorf("%s: %s", command, r.out)
		}
	}
	if n := len(s.simulator.Ledger()); n != 0 {
		t.Errorf("%d calls", n)
	}
	p.terminate(t, syscall.SIGTERM)
	s.env = append(s.env, "DYPLSQ_ACCOUNTS=shop")
	s.worker(t)
	if o := s.outcome(t, "k", "60s"); o.State != tasks.StateSucceeded || o.Attempts != 1 || o.Account != "shop" {
		t.Errorf("%+v", o)
	}
}

// TestMissingProfile: a worker does not start without the credentials of an account that it was told to perform.
func TestMissingProfile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, account := range []struct{ name, says string }{
		{"food", "no credentials for the profile food"}, {"default", "leave it out"}, {"a b", "remove the space within it"}, {"a+b", "rename the profile"},
	} {
		r := dyplsq(t, s.env, "", "worker", "--account", "shop", "--account", account.name)
		if r.status != statusUsage || !strings.Contains(r.errors, account.says) || strings.Contains(r.errors, shopSecret) {
			t.Errorf("%s: exit status %d: %s", account.name, r.status, tail(r.errors))
		}
	}
}
