package dyplstest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// send sends a signed request over the network. It returns the body, "" with an error.
func send(ctx context.Context, s *dyplstest.Server, action string, p params) (status int, body string, err error) {
	u := newUnsigned(action, p, time.Now())
	u.target = s.URL() + "/"
	response, err := http.DefaultClient.Do(u.v3().WithContext(ctx))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

func nowAXN() params {
	return params{"PoolKey": dyplstest.DefaultPoolKey, "PhoneNoA": "15000000001", "Expiration": "2099-01-01 00:00:00"}
}

// TestKindsOfFaults goes over a real connection: what a client sees of a drop or a hang is its
// error.
func TestKindsOfFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault     dyplstest.Fault
		status    int    // 0: no answer
		body      string // a part of it
		performed bool
		code      string // in the ledger
	}{
		"answer of the service":  {dyplstest.Fault{Code: "isp.SYSTEM_ERROR"}, 200, `"Code":"isp.SYSTEM_ERROR"`, false, "isp.SYSTEM_ERROR"},
		"answer of the gateway":  {dyplstest.Fault{Code: "ServiceUnavailable"}, 503, `"HostId":`, false, "ServiceUnavailable"},
		"answer with a status":   {dyplstest.Fault{Code: "isv.FLOW_LIMIT", Status: 429, Message: "slow down"}, 429, `"Message":"slow down"`, false, "isv.FLOW_LIMIT"},
		"answer after":           {dyplstest.Fault{Do: dyplstest.AnswerCodeAfter, Code: "isp.DAO_EXCEPTION"}, 200, `"Code":"isp.DAO_EXCEPTION"`, true, "isp.DAO_EXCEPTION"},
		"unknown code":           {dyplstest.Fault{Code: "Some.New"}, 400, `"Code":"Some.New"`, false, "Some.New"},
		"drop before":            {dyplstest.Fault{Do: dyplstest.DropBefore}, 0, "", false, ""},
		"drop after":             {dyplstest.Fault{Do: dyplstest.DropAfter}, 0, "", true, ""},
		"garbage":                {dyplstest.Fault{Do: dyplstest.Garbage}, 200, "<html>", true, ""},
		"body":                   {dyplstest.Fault{Do: dyplstest.Body, Body: "[1]", Status: 502}, 502, "[1]", false, ""},
		"body after":             {dyplstest.Fault{Do: dyplstest.Body, Body: `{"Code":200}`, Performed: true}, 200, `{"Code":200}`, true, ""},
		"empty body":             {dyplstest.Fault{Do: dyplstest.Body}, 200, "", false, ""},
		"hang":                   {dyplstest.Fault{Do: dyplstest.Hang}, 0, "", false, ""},
		"hang after":             {dyplstest.Fault{Do: dyplstest.Hang, Performed: true}, 0, "", true, ""},
		"slow":                   {dyplstest.Fault{Delay: time.Millisecond}, 200, `"Code":"OK"`, true, "OK"},
		"slow, performed before": {dyplstest.Fault{Do: dyplstest.Slow, Delay: time.Millisecond, Performed: true}, 200, `"Code":"OK"`, true, "OK"},
		"drop after a delay":     {dyplstest.Fault{Do: dyplstest.DropAfter, Delay: time.Millisecond}, 0, "", true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.fault.Name, test.fault.Times = name, 1
			s := dyplstest.Start(t, dyplstest.Config{Faults: []dyplstest.Fault{test.fault}})
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			if test.fault.Do == dyplstest.Hang {
				go func() { // the caller gives up when the call hangs
					for ctx.Err() == nil && (len(s.Ledger()) == 0 || s.Ledger()[0].Performed != test.performed) {
						runtime.Gosched()
					}
					giveUp()
				}()
			}
			status, body, err := send(ctx, s, "BindAxn", nowAXN())
			if status != test.status || !strings.Contains(body, test.body) || (err != nil) != (test.status == 0) {
				t.Fatalf("answer %d %q, %v", status, body, err)
			}
			e := s.Ledger()[0]
			if e.Performed != test.performed || e.Code != test.code || e.Fault != name || e.AnsweredAt.IsZero() != (test.status == 0) {
				t.Errorf("entry %#v", e)
			}
			if (e.SubsID != "") != test.performed || len(s.Bindings()) != len(e.SubsID)/16 {
				t.Errorf("SubsID %q, %d bindings", e.SubsID, len(s.Bindings()))
			}
			if status, body, err := send(t.Context(), s, "BindAxn", nowAXN()); status != 200 || err != nil {
				t.Errorf("the call after the fault: %d %q, %v", status, body, err)
			}
		})
	}
}

func TestCloseEndsHangs(t *testing.T) {
	t.Parallel()
	s, err := dyplstest.Serve(dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Do: dyplstest.Hang}, {Action: "BindAxb", Delay: time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}, 2)
	for _, action := range []string{"BindAxn", "BindAxb"} {
		go func() {
			_, _, _ = send(context.Background(), s, action, nowAXN())
			done <- struct{}{}
		}()
	}
	for len(s.Ledger()) < 2 { // until both are there
		runtime.Gosched()
	}
	s.Close()
	<-done
	<-done
	if _, _, err := send(t.Context(), s, "BindAxn", nowAXN()); err == nil {
		t.Error("a closed server answers")
	}
	s.Close() // again, harmlessly
}

// What a client does not wait for happens all the same: the worst case of a timeout.
func TestSlowPerformsWithoutAClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, dyplstest.Config{Faults: []dyplstest.Fault{{Delay: time.Hour}}})
		ctx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		r := newUnsigned("BindAxn", b.axn(nil), b.Now()).v3().WithContext(ctx)
		go b.ServeHTTP(httptest.NewRecorder(), r)
		<-ctx.Done()
		synctest.Wait()
		if e := b.Ledger()[0]; e.Performed || e.Code != "" {
			t.Errorf("entry %#v before the delay is over", e)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if e := b.Ledger()[0]; !e.Performed || e.Code != "OK" || len(b.Bindings()) != 1 {
			t.Errorf("entry %#v after the delay", e)
		}
	})
}

func TestFaultMatches(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Match: map[string]string{"PhoneNoA": "15000000003", "OutId": "o"}, Code: "isp.SYSTEM_ERROR"},
		{Action: "BindAxb", Times: 2, Code: "isp.GATEWAY_ERROR"},
		{Action: "BindAxb", Code: "isp.DAO_EXCEPTION"},
	}})
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("OK", "BindAxn", b.axn(params{"PhoneNoA": "15000000003"}))
	b.want("isp.SYSTEM_ERROR", "BindAxn", b.axn(params{"PhoneNoA": "15000000003", "OutId": "o"}))
	b.want("isp.GATEWAY_ERROR", "BindAxb", b.pair(nil))
	b.want("isp.GATEWAY_ERROR", "BindAxb", b.pair(nil))
	b.want("isp.DAO_EXCEPTION", "BindAxb", b.pair(nil))
	b.ClearFaults()
	b.want("OK", "BindAxb", b.pair(nil))
	if err := b.AddFault(dyplstest.Fault{Action: "BindAxb", Code: "isv.OUT_OF_SERVICE", Times: 1}); err != nil {
		t.Fatal(err)
	}
	b.want("isv.OUT_OF_SERVICE", "BindAxb", b.pair(nil))
	b.want("OK", "BindAxb", b.pair(nil))
	if got := b.Ledger()[3].Fault; got != "action=BindAxb times=2 code=isp.GATEWAY_ERROR" {
		t.Errorf("a fault without a name is called %q", got)
	}
}

// hits returns which of n requests fail at their first, second and third attempt.
func hits(t *testing.T, seed uint64, n int, faults ...dyplstest.Fault) [3]map[int]string {
	t.Helper()
	b := setup(t, dyplstest.Config{
		Seed: seed, Faults: faults, Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 3*n)}},
	})
	var failed [3]map[int]string
	for attempt := range failed {
		failed[attempt] = map[int]string{}
		for i := range n {
			if a := b.call("BindAxn", b.axn(params{"OutId": strconv.Itoa(i)})); a.Code != "OK" {
				failed[attempt][i] = a.Code
			}
		}
	}
	return failed
}

func TestRateHitsAFixedShareOfTheRequests(t *testing.T) {
	t.Parallel()
	const n = 1000
	fault := dyplstest.Fault{Action: "BindAxn", Rate: 0.05, First: 1, Code: "isv.FLOW_LIMIT"}
	other := dyplstest.Fault{Action: "BindAxn", Rate: 0.05, First: 1, Code: "isp.SYSTEM_ERROR"}
	alone, again, reseeded := hits(t, 1, n, fault), hits(t, 1, n, fault), hits(t, 2, n, fault)
	if got := len(alone[0]); got < n*3/100 || got > n*7/100 {
		t.Errorf("%d of %d requests failed at first, want about 5 %%", got, n)
	}
	if len(alone[1]) != 0 {
		t.Errorf("%d requests failed again with First: 1", len(alone[1]))
	}
	if !sameKeys(alone[0], again[0]) || sameKeys(alone[0], reseeded[0]) {
		t.Error("the same seed must hit the same requests, another seed others")
	}
	both := hits(t, 1, n, fault, other)
	shared := len(both[1]) // hit by the second rule after the first had its turn
	if got := len(both[0]) + shared; got < n*7/100 || got > n*13/100 {
		t.Errorf("two rules hit %d times, want about 10 %%", got)
	}
	if shared > len(alone[0])/4 {
		t.Errorf("two rules hit %d requests in common, of %d", shared, len(alone[0]))
	}
}

func TestRateHitsEveryAttempt(t *testing.T) {
	t.Parallel()
	failed := hits(t, 1, 500, dyplstest.Fault{Rate: 0.2, First: 2, Code: "isv.FLOW_LIMIT"})
	if !sameKeys(failed[0], failed[1]) || len(failed[0]) == 0 || len(failed[2]) != 0 {
		t.Errorf("failed %d, %d, %d times, want the same requests twice", len(failed[0]), len(failed[1]), len(failed[2]))
	}
}

func sameKeys(a, b map[int]string) bool {
	for key := range a {
		if _, there := b[key]; !there {
			return false
		}
	}
	return len(a) == len(b)
}

func TestFaultComesAfterAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isp.SYSTEM_ERROR", Times: 1}}})
	u := newUnsigned("BindAxn", b.axn(nil), b.Now())
	u.secret = "wrong"
	wantRefusal(t, do(t, b, u.v3()), "SignatureDoesNotMatch", 400)
	b.want("isp.SYSTEM_ERROR", "BindAxn", b.axn(nil))
}

func TestThrottlingFaultTellsWhenToComeBack(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "Throttling.Api"}}})
	b.advance(250 * time.Millisecond)
	a := b.call("BindAxn", b.axn(nil))
	wantRefusal(t, a, "Throttling.Api", 400)
	if got := a.Header.Get("X-Ratelimit-User-Api"); !strings.Contains(got, "TimeLeft:750") {
		t.Errorf("x-ratelimit-user-api %q", got)
	}
}

func TestDropIsNotAnAnswerToSomeoneElse(t *testing.T) {
	t.Parallel()
	s := dyplstest.Start(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropBefore, Times: 1}}})
	_, _, err := send(t.Context(), s, "BindAxn", nowAXN())
	if _, isURL := errors.AsType[*url.Error](err); !isURL {
		t.Fatalf("error %v, want one of the connection", err)
	}
	if got := len(s.Ledger()); got != 1 {
		t.Errorf("%d calls arrived, want 1: a POST is not sent again", got)
	}
}
