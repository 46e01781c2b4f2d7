package dyplstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// TestAccountsShareNothing: each account has pools, numbers, bindings and quotas of its own, and
// its own faults where they are wanted.
func TestAccountsShareNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	server := dyplstest.Start(t, dyplstest.Config{
		Quotas: map[string]int{"BindAxn": 1},
		Accounts: []dyplstest.Account{
			{AccessKeyID: "foodKey", AccessKeySecret: "foodSecret", Pools: []dyplstest.Pool{{Key: "FC2", Numbers: dyplstest.Numbers("171", 10)}}},
			{AccessKeyID: "taxiKey", AccessKeySecret: "taxiSecret"},
		},
		Faults: []dyplstest.Fault{{Match: map[string]string{"AccessKeyId": "taxiKey"}, Code: "isv.OUT_OF_SERVICE"}},
		Now:    func() time.Time { return now },
	})
	bind := func(key, secret, pool string) (dypls.Binding, error) {
		client, err := aliyun.New(aliyun.Config{Endpoint: server.URL(), Credentials: aliyun.StaticCredentials(key, secret, "")})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := dypls.BindAXN.Call(t.Context(), client, dypls.BindAXNRequest{
			PoolKey: pool, PhoneNoA: "13900000001", Expiration: dypls.At(now.Add(time.Hour)),
		})
		return answer, err
	}
	for range 3 { // beyond the quota of the account that has one
		if b, err := bind("foodKey", "foodSecret", "FC2"); err != nil || !strings.HasPrefix(string(b.SecretNo), "171") {
			t.Errorf("%v, %v", b, err)
		}
	}
	if b, err := bind(dyplstest.DefaultAccessKeyID, dyplstest.DefaultAccessKeySecret, dyplstest.DefaultPoolKey); err != nil || !strings.HasPrefix(string(b.SecretNo), "170") {
		t.Errorf("%v, %v", b, err)
	}
	for code, use := range map[string][3]string{
		"isv.FLOW_LIMIT":        {dyplstest.DefaultAccessKeyID, dyplstest.DefaultAccessKeySecret, dyplstest.DefaultPoolKey},
		"isv.OUT_OF_SERVICE":    {"taxiKey", "taxiSecret", dyplstest.DefaultPoolKey},
		"SignatureDoesNotMatch": {"foodKey", "taxiSecret", "FC2"},
	} {
		if _, err := bind(use[0], use[1], use[2]); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := bind("foodKey", "foodSecret", dyplstest.DefaultPoolKey); err == nil {
		t.Error("an account has bound a number of another's pool")
	}
	byKey := map[string]int{}
	for _, e := range server.Ledger() {
		if e.Performed {
			byKey[e.AccessKeyID]++
		}
	}
	if byKey["foodKey"] != 3 || byKey[dyplstest.DefaultAccessKeyID] != 1 || byKey["taxiKey"] != 0 || len(server.Bindings()) != 4 {
		t.Errorf("%v, %d bindings", byKey, len(server.Bindings()))
	}
}

func TestAccountsConfig(t *testing.T) {
	t.Parallel()
	for name, accounts := range map[string][]dyplstest.Account{
		"no secret":            {{AccessKeyID: "a"}},
		"the same key":         {{AccessKeyID: dyplstest.DefaultAccessKeyID, AccessKeySecret: "s"}},
		"a quota of no action": {{AccessKeyID: "a", AccessKeySecret: "s", Quotas: map[string]int{"Bind": 1}}},
		"a pool without a key": {{AccessKeyID: "a", AccessKeySecret: "s", Pools: []dyplstest.Pool{{}}}},
	} {
		if _, err := dyplstest.New(dyplstest.Config{Accounts: accounts}); err == nil || !strings.Contains(err.Error(), "Config.Accounts[0]") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := dyplstest.New(dyplstest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAccountQuota("nobody", "BindAxn", 1); err == nil {
		t.Error("a quota for nobody")
	}
}
