package dyplstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestQuota(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Quotas: map[string]int{"BindAxn": 2}})
	b.advance(900 * time.Millisecond)
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("MissingPhoneNoA", "BindAxn", b.axn(params{"PhoneNoA": ""})) // counts, too
	a := b.want("isv.FLOW_LIMIT", "BindAxn", b.axn(nil))
	if a.Status != 200 || a.HostId != "" || a.Header.Get("X-Ratelimit-User-Api") != "" {
		t.Errorf("answer %d %s %v, want the service's shape", a.Status, a.Body, a.Header)
	}
	b.want("OK", "BindAxb", b.pair(nil)) // has a quota of its own: none
	b.advance(100 * time.Millisecond)    // the next second
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("isv.FLOW_LIMIT", "BindAxn", b.axn(nil))
	if err := b.SetQuota("BindAxn", 0); err != nil {
		t.Fatal(err)
	}
	b.want("OK", "BindAxn", b.axn(nil))
	if err := b.SetQuota("BindAxn", 1); err != nil {
		t.Fatal(err)
	}
	b.advance(time.Second)
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("isv.FLOW_LIMIT", "BindAxn", b.axn(nil))
	for _, e := range b.Ledger() {
		if e.Performed == (e.Code == "isv.FLOW_LIMIT") && e.Code != "MissingPhoneNoA" {
			t.Errorf("entry %#v", e)
		}
	}
}

func TestQuotaOfTheGateway(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Quotas: map[string]int{"BindAxn": 1}, QuotaCode: "Throttling.User"})
	b.advance(400 * time.Millisecond)
	b.want("OK", "BindAxn", b.axn(nil))
	a := b.call("BindAxn", b.axn(nil))
	wantRefusal(t, a, "Throttling.User", 400)
	if got := a.Header.Get("X-Ratelimit-User-Api"); !strings.HasPrefix(got, "Limit:1,Remain:0,TimeLeft:600,Reset:") {
		t.Errorf("x-ratelimit-user-api %q", got)
	}
}

func TestSetQuotaErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	for action, perSecond := range map[string]int{"BindAxz": 1, "BindAxn": -1} {
		if b.SetQuota(action, perSecond) == nil {
			t.Errorf("SetQuota(%s, %d) was accepted", action, perSecond)
		}
	}
}
