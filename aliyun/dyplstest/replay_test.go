package dyplstest_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestReplayIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	u := newUnsigned("BindAxn", b.axn(nil), b.Now())
	if a := do(t, b, u.v3()); a.Code != dypls.CodeOK {
		t.Fatal(a.Body)
	}
	wantRefusal(t, do(t, b, u.v3()), "SignatureNonceUsed", 400)
	wantRefusal(t, do(t, b, u.v1()), "SignatureNonceUsed", 400)
	if got := len(b.Bindings()); got != 1 {
		t.Errorf("%d bindings after a replay, want 1", got)
	}
}

func TestForgedRequestUsesUpNoNonce(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	u := newUnsigned("BindAxn", b.axn(nil), b.Now())
	forged := u
	forged.secret = "guess"
	wantRefusal(t, do(t, b, forged.v3()), "SignatureDoesNotMatch", 400)
	if a := do(t, b, u.v3()); a.Code != dypls.CodeOK {
		t.Errorf("the real request after a forged one: %s", a.Body)
	}
}

// A request dated as far ahead as is allowed can be replayed longest.
func TestReplayIsRefusedAsLongAsTheDateIsGood(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	b.advance(20 * time.Minute) // not at the start of what the simulator keeps
	b.want(dypls.CodeOK, "QuerySubsId", params{"PhoneNoX": "17000000000"})
	b.advance(25 * time.Minute)
	u := newUnsigned("QuerySubsId", params{"PhoneNoX": "17000000000"}, b.Now().Add(15*time.Minute))
	if a := do(t, b, u.v3()); a.Code != dypls.CodeOK {
		t.Fatal(a.Body)
	}
	for range 30 {
		b.advance(time.Minute)
		b.want(dypls.CodeOK, "QuerySubsId", params{"PhoneNoX": "17000000000"})
		wantRefusal(t, do(t, b, u.v3()), "SignatureNonceUsed", 400)
	}
	b.advance(time.Second)
	wantRefusal(t, do(t, b, u.v3()), "InvalidTimeStamp.Expired", 400)
}

func TestNonceIsForgottenLater(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	u := newUnsigned("QuerySubsId", params{"PhoneNoX": "17000000000"}, b.Now())
	do(t, b, u.v3())
	b.advance(3 * time.Hour)
	u.date = b.Now().UTC().Format("2006-01-02T15:04:05Z")
	if a := do(t, b, u.v3()); a.Code != dypls.CodeOK {
		t.Errorf("a nonce of three hours ago: %s", a.Body)
	}
}
