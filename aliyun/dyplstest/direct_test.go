package dyplstest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// Call implements [dypls.Caller], so that what the simulator answers is read by the operations
// themselves.
func (b bench) Call(_ context.Context, call dypls.Call) (dypls.Answer, error) {
	p := params{}
	for _, one := range call.Parameters {
		p[one.Name] = one.Value
	}
	a := b.call(call.Action, p)
	return dypls.Answer{
		Status: a.Status, Code: a.Code, Message: a.Message, RequestID: a.RequestId, HostID: a.HostId, Body: []byte(a.Body),
	}, nil
}

// wantCode reports an error that is not the one that a code leads to; "" for none.
func wantCode(t *testing.T, what, code string, err error) {
	t.Helper()
	failure, failed := errors.AsType[*dypls.Error](err)
	switch {
	case code == "" && err != nil, code != "" && !failed:
		t.Errorf("%s: %v, want %q", what, err, code)
	case failed && failure.Code != code:
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// A bubble of time with a call on a binding that is recorded and transcribed.
func inCall(t *testing.T, config dyplstest.Config, check func(t *testing.T, b bench, c dyplstest.PlacedCall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config.Now = time.Now
		b := bench{nil, &clock{now: time.Now()}, t}
		sim, err := dyplstest.New(config)
		if err != nil {
			t.Fatal(err)
		}
		b.Simulator = sim
		made := b.want("OK", "BindAxn", nowAXN().with(params{"IsRecordingEnabled": "true", "ASRStatus": "true"})).SecretBindDTO
		c, err := sim.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: stranger, Length: 53 * time.Second, AnswerAfter: 5 * time.Second})
		if err != nil || !c.Transcribed || !c.Recorded {
			t.Fatalf("%+v, %v", c, err)
		}
		check(t, b, c)
	})
}

// sleep lets time pass for the simulator and for who calls it.
func (b bench) sleep(d time.Duration) {
	time.Sleep(d)
	b.advance(d)
	synctest.Wait()
}

// What is locked, grouped or bound by one account is not another's.
func TestDirectCallsKeepToTheirAccount(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Accounts: []dyplstest.Account{{AccessKeyID: "other", AccessKeySecret: "secret"}}})
	b.lock(x0)
	u := newUnsigned("QuerySecretNoDetail", params{"PoolKey": dyplstest.DefaultPoolKey, "SecretNo": x0}, b.Now())
	u.keyID, u.secret = "other", "secret"
	if a := do(t, b, u.v3()); !strings.Contains(a.Body, `"SecretStatus":0`) {
		t.Errorf("the other account's number: %s", a.Body)
	}
	id := axgWorld{b}.create("95013")
	u = newUnsigned("CreateAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey}, b.Now())
	u.keyID, u.secret = "other", "secret"
	if a := do(t, b, u.v3()); !strings.Contains(a.Body, fmt.Sprintf(`"GroupId":%s`, id)) {
		t.Errorf("the other account's first group: %s, want %s", a.Body, id)
	}
}
