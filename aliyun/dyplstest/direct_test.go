package dyplstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

func (b bench) lock(x string) {
	b.t.Helper()
	_, err := dypls.LockSecretNo.Call(b.t.Context(), b, dypls.LockSecretNoRequest{PoolKey: dyplstest.DefaultPoolKey, SecretNo: dypls.Phone(x)})
	wantCode(b.t, "lock", "", err)
}

func (b bench) unlock(x string) {
	b.t.Helper()
	_, err := dypls.UnlockSecretNo.Call(b.t.Context(), b, dypls.UnlockSecretNoRequest{PoolKey: dyplstest.DefaultPoolKey, SecretNo: dypls.Phone(x)})
	wantCode(b.t, "unlock", "", err)
}

func (b bench) state(x string) dypls.SecretNoDetail {
	b.t.Helper()
	d, err := dypls.QuerySecretNoDetail.Call(b.t.Context(), b, dypls.QuerySecretNoDetailRequest{PoolKey: dyplstest.DefaultPoolKey, SecretNo: dypls.Phone(x)})
	wantCode(b.t, "detail", "", err)
	return d
}

// A locked X is never picked, whatever is to be bound, and picked again once it is unlocked.
func TestLockedNumbersAreNotPicked(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"BindAxn", "BindAxb", "BindAxnExtension", "BindAxg"} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			config := twoPools()
			config.Pools[0].Cities = map[dypls.Phone]string{x0: "杭州"}
			b := setup(t, config)
			request := b.pair(params{"GroupId": "7", "ExpectCity": "杭州"})
			b.lock(x0)
			b.lock(x0) // twice is no failure
			if made := b.want("OK", action, request).SecretBindDTO; made.SecretNo != x1 {
				t.Errorf("bound to %s, which is locked", made.SecretNo)
			}
			b.want("isv.FORBIDDEN_ACTION", action, request.with(params{"PhoneNoX": x0}))
			b.lock(x1)
			b.want("isv.NO_AVAILABLE_NUMBER", action, request)
			b.unlock(x0)
			if made := b.want("OK", action, request).SecretBindDTO; made.SecretNo != x0 {
				t.Errorf("bound to %s and not to the one that was unlocked", made.SecretNo)
			}
		})
	}
}

// What is bound to a number outlives a lock, and is seen by who asks.
func TestStatesOfNumbers(t *testing.T) {
	t.Parallel()
	config := twoPools()
	config.Pools[0].Cities = map[dypls.Phone]string{x0: "西安"}
	config.Pools[0].Vendor, config.Pools[0].Province = dypls.VendorTelecom, "陕西"
	b := setup(t, config)
	want := dypls.SecretNoDetail{
		SecretStatus: dypls.SecretNoFree, CertifyStatus: dypls.SecretNoCertified, Vendor: dypls.VendorTelecom, Province: "陕西", City: "西安",
		PurchaseTime: dypls.At(b.Now()),
	}
	check := func(what string, status int64) {
		t.Helper()
		want.SecretStatus = status
		if diff := cmp.Diff(want, b.state(x0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("free", dypls.SecretNoFree)
	made := b.want("OK", "BindAxb", b.pair(params{"PhoneNoX": x0, "Expiration": b.in(time.Hour)})).SecretBindDTO
	b.advance(time.Minute)
	check("bound", dypls.SecretNoBound)
	b.lock(x0)
	check("locked", dypls.SecretNoLocked)
	if c, err := b.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: phoneA}); err != nil || c.UnconnectedCause != 0 {
		t.Errorf("a call on a binding of a locked number: %+v, %v", c, err)
	}
	b.unlock(x0)
	check("unlocked", dypls.SecretNoBound)
	b.advance(time.Hour)
	check("expired", dypls.SecretNoFree)
	for name, test := range map[string]struct {
		more params
		code string
	}{
		"unknown pool":     {params{"PoolKey": "FC9"}, "isv.POOLKEY_NOT_EXISTS"},
		"unknown number":   {params{"SecretNo": "17200000000"}, "isv.NO_NOT_EXIST"},
		"another pool's":   {params{"SecretNo": otherX}, "isv.FORBIDDEN_ACTION"},
		"malformed":        {params{"SecretNo": "1700"}, "isv.NO_NOT_EXIST"},
		"no number":        {params{"SecretNo": "x"}, "isv.MOBILE_NUMBER_ILLEGAL"},
		"without a pool":   {params{"PoolKey": ""}, "MissingPoolKey"},
		"without a number": {params{"SecretNo": ""}, "MissingSecretNo"},
	} {
		for _, action := range []string{"QuerySecretNoDetail", "LockSecretNo", "UnlockSecretNo"} {
			if a := b.call(action, params{"PoolKey": dyplstest.DefaultPoolKey, "SecretNo": x0}.with(test.more)); a.Code != test.code {
				t.Errorf("%s of %s: %s", action, name, a.Body)
			}
		}
	}
}

func TestNumbersForSale(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{ForSale: []dyplstest.ForSale{
		{SpecID: dypls.SpecVirtual, City: "杭州", Numbers: dyplstest.Numbers("171", 3)},
		{SpecID: dypls.SpecVirtual, City: "上海", Numbers: slices.Concat(dyplstest.Numbers("1701", 2), dyplstest.Numbers("1711", 4))},
		{SpecID: dypls.SpecVirtual, City: "西安"},
		{SpecID: dypls.SpecCarrier, City: "杭州", Numbers: dyplstest.Numbers("130", 5)},
		{SpecID: dypls.Spec95, Numbers: dyplstest.Numbers("95", 7)},
	}})
	for name, test := range map[string]struct {
		request dypls.QuerySecretNoRemainRequest
		want    dypls.SecretNoRemain
	}{
		"a city":              {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: "上海"}, dypls.SecretNoRemain{Amount: 6, City: "上海"}},
		"a city of the other": {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecCarrier, City: "杭州"}, dypls.SecretNoRemain{Amount: 5, City: "杭州"}},
		"a city without":      {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecCarrier, City: "上海"}, dypls.SecretNoRemain{City: "上海"}},
		"a beginning":         {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: "上海", SecretNo: "1701"}, dypls.SecretNoRemain{Amount: 2, City: "上海"}},
		"all together":        {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: dypls.CityNational}, dypls.SecretNoRemain{Amount: 9, City: "全国"}},
		"each city": {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: dypls.CityNationalList},
			dypls.SecretNoRemain{Cities: []dypls.CityRemain{{City: "上海", Amount: 6}, {City: "杭州", Amount: 3}}}},
		"each city, none": {dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: dypls.CityNationalList, SecretNo: "1799"},
			dypls.SecretNoRemain{Cities: []dypls.CityRemain{}}},
		"95": {dypls.QuerySecretNoRemainRequest{SpecID: dypls.Spec95, City: dypls.CityAnywhere}, dypls.SecretNoRemain{Amount: 7, City: "全国通用"}},
	} {
		got, err := dypls.QuerySecretNoRemain.Call(t.Context(), b, test.request)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for code, p := range map[string]params{
		"MissingCity": {"SpecId": "1"}, "MissingSpecId": {"City": "杭州"}, "InvalidSpecId": {"SpecId": "4", "City": "杭州"},
		"isv.ILLEGAL_ARGUMENT": {"SpecId": "3", "City": "杭州"}, "isv.MOBILE_NUMBER_ILLEGAL": {"SpecId": "1", "City": "杭州", "SecretNo": "17x"},
	} {
		b.want(code, "QuerySecretNoRemain", p)
	}
}

// axgWorld makes groups and uses them.
type axgWorld struct{ bench }

func (w axgWorld) create(numbers ...dypls.Phone) string {
	w.t.Helper()
	g, err := dypls.CreateAXGGroup.Call(w.t.Context(), w, dypls.CreateAXGGroupRequest{PoolKey: dyplstest.DefaultPoolKey, Name: "team", Numbers: numbers})
	wantCode(w.t, "create", "", err)
	return g.GroupID
}

func (w axgWorld) operate(code, id, kind string, numbers ...dypls.Phone) {
	w.t.Helper()
	_, err := dypls.OperateAXGGroup.Call(w.t.Context(), w, dypls.OperateAXGGroupRequest{
		PoolKey: dyplstest.DefaultPoolKey, GroupID: id, OperateType: kind, Numbers: numbers,
	})
	wantCode(w.t, kind, code, err)
}

func (w axgWorld) remove(code, id string) {
	w.t.Helper()
	_, err := dypls.DeleteAXGGroup.Call(w.t.Context(), w, dypls.DeleteAXGGroupRequest{PoolKey: dyplstest.DefaultPoolKey, GroupID: id})
	wantCode(w.t, "delete", code, err)
}

// reach tells who of some callers gets through to a binding.
func (w axgWorld) reach(subsID string, callers ...dypls.Phone) []dypls.Phone {
	w.t.Helper()
	var through []dypls.Phone
	for _, caller := range callers {
		if _, err := w.PlaceCall(dyplstest.Dial{SubsID: subsID, Caller: caller}); err == nil {
			through = append(through, caller)
		} else if !errors.Is(err, dyplstest.ErrNoBinding) {
			w.t.Error(err)
		}
	}
	return through
}

// A group that was made is one to bind for, its members alone get through, and who they are can be
// changed while it is bound.
func TestGroupsAreMadeAndUsed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]dyplstest.Config{"pool with groups": twoPools(), "pool without": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n1, n2, n3 dypls.Phone = "15000000011", "15000000012", "95013"
			w := axgWorld{setup(t, config)}
			empty, id := w.create(), w.create(n1)
			if empty == id || len(id) < 10 {
				t.Errorf("groups %s and %s", empty, id)
			}
			w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": empty}))
			subs := w.want("OK", "BindAxg", w.axn(params{"GroupId": id})).SecretBindDTO.SubsId
			check := func(what string, want ...dypls.Phone) {
				t.Helper()
				if diff := cmp.Diff(want, w.reach(subs, n1, n2, n3)); diff != "" {
					t.Errorf("%s, who gets through (-want +got):\n%s", what, diff)
				}
			}
			check("made", n1)
			w.operate("", id, dypls.AddNumbers, n2, n1)
			check("added", n1, n2)
			w.operate("", id, dypls.DeleteNumbers, n1, n3)
			check("deleted", n2)
			w.operate("", id, dypls.OverwriteNumbers, n3, n1)
			check("overwritten", n1, n3)

			w.remove("isv.FORBIDDEN_ACTION", id) // it is bound
			w.want("OK", "UnbindSubscription", params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "SecretNo": string(w.Calls()[0].SecretNo)})
			w.remove("", id)
			w.remove("isv.ILLEGAL_ARGUMENT", id) // it is gone
			w.operate("isv.ILLEGAL_ARGUMENT", id, dypls.AddNumbers, n1)
			w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": id}))
			w.operate("", empty, dypls.AddNumbers, n1)
			w.want("OK", "BindAxg", w.axn(params{"GroupId": empty}))
		})
	}
}

// A group that no call made has everybody in it, until a call says who is.
func TestGroupsThatNobodyMade(t *testing.T) {
	t.Parallel()
	w := axgWorld{setup(t, dyplstest.Config{})}
	subs := w.want("OK", "BindAxg", w.axn(params{"GroupId": "7"})).SecretBindDTO.SubsId
	if got := w.reach(subs, phoneB, stranger); len(got) != 2 {
		t.Errorf("only %v get through to a group of everybody", got)
	}
	w.operate("", "7", dypls.AddNumbers, stranger)
	if diff := cmp.Diff([]dypls.Phone{stranger}, w.reach(subs, phoneB, stranger)); diff != "" {
		t.Errorf("who gets through (-want +got):\n%s", diff)
	}
	w.remove("", "8")
	w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": "8"}))
}

func TestLimitsOfGroups(t *testing.T) {
	t.Parallel()
	many := func(from, n int) string {
		var numbers []string
		for _, x := range dyplstest.Numbers("150", from+n)[from:] {
			numbers = append(numbers, string(x))
		}
		return strings.Join(numbers, ",")
	}
	w := axgWorld{setup(t, twoPools())}
	make200 := params{"PoolKey": dyplstest.DefaultPoolKey, "Numbers": many(0, 200)}
	w.want("OK", "CreateAxgGroup", make200)
	id := w.create()
	operate := params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": id, "OperateType": "addNumbers", "Numbers": many(0, 200)}
	for i, step := range []struct {
		action string
		p      params
		code   string
	}{
		{"CreateAxgGroup", make200.with(params{"Numbers": many(0, 201)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"Numbers": "150,"}), "isv.MOBILE_NUMBER_ILLEGAL"},
		{"CreateAxgGroup", make200.with(params{"Name": strings.Repeat("组", 128), "Remark": strings.Repeat("组", 256)}), "OK"},
		{"CreateAxgGroup", make200.with(params{"Name": strings.Repeat("组", 129)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"Remark": strings.Repeat("组", 257)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"PoolKey": otherKey}), "isv.FORBIDDEN_ACTION"}, // for AXB alone
		{"CreateAxgGroup", make200.with(params{"PoolKey": "FC9"}), "isv.POOLKEY_NOT_EXISTS"},
		{"CreateAxgGroup", params{}, "MissingPoolKey"},
		{"OperateAxgGroup", operate.with(params{"Numbers": many(0, 201)}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"Numbers": "x"}), "isv.MOBILE_NUMBER_ILLEGAL"},
		{"OperateAxgGroup", operate.with(params{"OperateType": "swapNumbers"}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"GroupId": "99"}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"GroupId": "g"}), "InvalidGroupId"},
		{"OperateAxgGroup", operate.with(params{"Numbers": ""}), "MissingNumbers"},
		{"OperateAxgGroup", operate, "OK"},
		{"OperateAxgGroup", operate.with(params{"OperateType": "overwriteNumbers", "Numbers": "95013"}), "OK"},
		{"OperateAxgGroup", operate, "OK"},
		// 201 numbers are in it now: too many to be overwritten
		{"OperateAxgGroup", operate.with(params{"OperateType": "overwriteNumbers", "Numbers": "95013"}), "isv.ILLEGAL_ARGUMENT"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey}, "MissingGroupId"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": "99"}, "isv.ILLEGAL_ARGUMENT"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": id}, "OK"},
	} {
		if a := w.call(step.action, step.p); a.Code != step.code {
			t.Errorf("step %d, %s: %s, want %s", i, step.action, a.Body, step.code)
		}
	}
	for made := 4; made < 2000; made++ { // two of the Config, two of the steps
		w.create()
	}
	w.want("isv.ILLEGAL_ARGUMENT", "CreateAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey})
}

// Each item of a batch is bound, or refused, as if it came alone.
func TestBatchOfBinds(t *testing.T) {
	t.Parallel()
	b := setup(t, twoPools())
	b.lock(x1)
	item := params{"PhoneNoA": "15000000001", "GroupId": "7", "Expiration": b.in(time.Hour), "OutId": "order-1"}
	list := []any{
		item.with(params{"PhoneNoX": x0}),
		item.with(params{"PhoneNoX": x0}),     // taken by the first
		item.with(params{"PhoneNoX": x1}),     // locked
		item.with(params{"GroupId": "99"}),    // no such group
		item.with(params{"PhoneNoA": ""}),     // what the gateway misses in a bind of its own
		item.with(params{"RingConfig": "{"}),  // malformed
		item.with(params{"PhoneNoX": otherX}), // of another pool
		item,                                  // no number is left
		map[string]any{"PhoneNoA": phoneA, "ASRStatus": "maybe", "GroupId": "7", "Expiration": b.in(time.Hour)},
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	a := b.want("OK", "BindBatchAxg", params{"PoolKey": dyplstest.DefaultPoolKey, "AxgBindList": string(text)})
	var answer struct {
		SecretBindList struct{ SecretBind []map[string]string }
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, one := range answer.SecretBindList.SecretBind {
		codes = append(codes, one["Code"])
	}
	want := []string{
		"OK", "isv.BIND_CONFLICT", "isv.FORBIDDEN_ACTION", "isv.ILLEGAL_ARGUMENT", "isv.ILLEGAL_ARGUMENT", "isv.INVALID_PARAMETERS", "isv.FORBIDDEN_ACTION",
		"isv.NO_AVAILABLE_NUMBER", "isv.ILLEGAL_ARGUMENT",
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Fatalf("codes (-want +got):\n%s", diff)
	}
	bindings := b.Bindings()
	if len(bindings) != 1 || bindings[0].Action != "BindAxg" || bindings[0].OutID != "order-1" || bindings[0].GroupID != "7" {
		t.Fatalf("bindings %+v", bindings)
	}
	first := answer.SecretBindList.SecretBind[0]
	wantFirst := map[string]string{
		"Code": "OK", "Message": "OK", "SubsId": bindings[0].SubsID, "SecretNo": x0, "Extension": "7", "GroupId": "7", "PhoneNoA": phoneA,
	}
	if diff := cmp.Diff(wantFirst, first); diff != "" {
		t.Errorf("first item (-want +got):\n%s", diff)
	}
	if second := answer.SecretBindList.SecretBind[1]; second["SubsId"] != "" || second["PhoneNoA"] != phoneA || second["Message"] == "" {
		t.Errorf("an item that failed: %v", second)
	}
	for code, p := range map[string]params{
		"MissingAxgBindList":     {"PoolKey": dyplstest.DefaultPoolKey},
		"isv.POOLKEY_NOT_EXISTS": {"PoolKey": "FC9", "AxgBindList": string(text)},
		"isv.ILLEGAL_ARGUMENT":   {"PoolKey": dyplstest.DefaultPoolKey, "AxgBindList": "[]"},
	} {
		if a := b.want(code, "BindBatchAxg", p); strings.Contains(a.Body, "SecretBind") {
			t.Errorf("a batch that is refused: %s", a.Body)
		}
	}
	b.want("isv.ILLEGAL_ARGUMENT", "BindBatchAxg", params{"PoolKey": dyplstest.DefaultPoolKey, "AxgBindList": `{"PhoneNoA":"1"}`})
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

func TestPublicLinksToAPlacedCall(t *testing.T) {
	t.Parallel()
	config := dyplstest.Config{Recordings: dyplstest.Recordings{ReadyAfter: 4 * time.Minute, PublicLinkLife: 10 * 24 * time.Hour}}
	inCall(t, config, func(t *testing.T, b bench, c dyplstest.PlacedCall) {
		request := dypls.GetTotalPublicURLRequest{PartnerKey: c.PoolKey, CallID: c.CallID, CallTime: dypls.At(c.CallTime)}
		ask := func() (dypls.PublicURLs, error) { return dypls.GetTotalPublicURL.Call(t.Context(), b, request) }
		b.sleep(4 * time.Minute) // of 5
		_, err := ask()
		if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != dypls.NotReady {
			t.Errorf("before it is there: %v", err)
		}
		b.sleep(time.Minute)
		links, err := ask()
		wantCode(t, "when it is there", "", err)
		for _, link := range []dypls.SignedURL{links.PhonePublicURL, links.RingPublicURL} {
			if want := time.Now().Add(10 * 24 * time.Hour).Truncate(time.Second); !link.ExpiresAt().Equal(want) {
				t.Errorf("the link works until %s, want %s", link.ExpiresAt(), want)
			}
		}
		if size := fetchFrom(t, b, string(links.PhonePublicURL)); size != c.Recordings[0].Size {
			t.Errorf("%d bytes of the call, want %d", size, c.Recordings[0].Size)
		}
		if size := fetchFrom(t, b, string(links.RingPublicURL)); size != 10_000 { // 5 s
			t.Errorf("%d bytes of the ringing", size)
		}
		request.CheckSubs = true
		_, err = ask()
		wantCode(t, "while it is bound", "", err)
		b.want("OK", "UnbindSubscription", params{"PoolKey": c.PoolKey, "SubsId": c.SubsID, "SecretNo": string(c.SecretNo)})
		_, err = ask()
		wantCode(t, "unbound, and checked", "isv.SUBS_NOT_EXIST", err)
		request.CheckSubs = false
		_, err = ask()
		wantCode(t, "unbound", "", err)
		request.CallTime = dypls.At(c.CallTime.Add(-time.Second))
		_, err = ask()
		wantCode(t, "at another time", "isv.ILLEGAL_ARGUMENT", err)
		request.CallTime, request.PartnerKey = dypls.At(c.CallTime), "FC9"
		_, err = ask()
		wantCode(t, "of another pool", "isv.POOLKEY_NOT_EXISTS", err)
		b.sleep(10 * 24 * time.Hour)
		if got := fetchFrom(t, b, string(links.PhonePublicURL)); got >= 0 {
			t.Errorf("a link that is over leads to %d bytes", got)
		}
	})
}

// fetchFrom returns how many bytes a link leads to, -1 where it is refused.
func fetchFrom(t *testing.T, sim http.Handler, link string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a := do(t, sim, r)
	if a.Status != http.StatusOK {
		return -1
	}
	return len(a.Body)
}

func TestPublicLinksToCallsThatNobodyPlaced(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Recordings: dyplstest.Recordings{CallIDs: []string{"c1"}}})
	ask := params{"PartnerKey": dyplstest.DefaultPoolKey, "CallId": "c1", "CallTime": b.in(-time.Hour), "CheckSubs": "false"}
	for i, step := range []struct {
		more params
		code string
	}{
		{nil, "OK"},
		{params{"CallId": "c2"}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallTime": "1629893489000"}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallTime": b.in(-31 * 24 * time.Hour)}, "isv.ILLEGAL_ARGUMENT"},
		{params{"CallId": strings.Repeat("c", 101)}, "isv.ILLEGAL_ARGUMENT"},
		{params{"PartnerKey": "FC9"}, "isv.POOLKEY_NOT_EXISTS"},
		{params{"CheckSubs": "true"}, "isv.SUBS_NOT_EXIST"},
		{params{"CheckSubs": "perhaps"}, "InvalidCheckSubs"},
		{params{"CheckSubs": ""}, "MissingCheckSubs"}, {params{"PartnerKey": ""}, "MissingPartnerKey"},
		{params{"CallId": ""}, "MissingCallId"}, {params{"CallTime": ""}, "MissingCallTime"},
	} {
		if a := b.call("GetTotalPublicUrl", ask.with(step.more)); a.Code != step.code {
			t.Errorf("step %d: %s, want %s", i, a.Body, step.code)
		}
	}
}

func TestTranscriptOfAPlacedCall(t *testing.T) {
	t.Parallel()
	config := dyplstest.Config{Transcripts: dyplstest.Transcripts{ReadyAfter: 12 * time.Minute}}
	inCall(t, config, func(t *testing.T, b bench, c dyplstest.PlacedCall) {
		request := dypls.GetSecretASRDetailRequest{PoolKey: c.PoolKey, CallID: c.CallID, CallTime: dypls.At(c.CallTime)}
		ask := func() (dypls.Transcript, error) { return dypls.GetSecretASRDetail.Call(t.Context(), b, request) }
		b.sleep(12 * time.Minute) // of 13
		_, err := ask()
		if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != dypls.NotReady {
			t.Errorf("before it is there: %v", err)
		}
		b.sleep(time.Minute)
		got, err := ask()
		wantCode(t, "when it is there", "", err)
		if !got.OK() || got.Duration() != 53*time.Second || len(got.Sentences) < 5 || !strings.HasPrefix(got.BusinessID, c.CallID+"@!"+c.PoolKey+"@!") {
			t.Errorf("%v", got)
		}
		sides, end := map[int]int{}, 0
		for _, s := range got.Sentences {
			if *s.BeginTime < end || *s.EndTime <= *s.BeginTime || *s.EndTime > 53_000 || s.Text == "" || s.SpeechRate == "" {
				t.Errorf("sentence %v", s)
			}
			end = *s.EndTime
			sides[*s.ChannelID]++
		}
		if sorted := slices.Sorted(maps.Keys(sides)); !slices.Equal(sorted, []int{0, 1}) {
			t.Errorf("speakers %v", sorted)
		}
		if again, err := ask(); err != nil || !cmp.Equal(got, again) {
			t.Errorf("asked again, it is another: %v", err)
		}
		for what, change := range map[string]struct {
			code   string
			change func(*dypls.GetSecretASRDetailRequest)
		}{
			"another time": {"isv.ILLEGAL_ARGUMENT", func(r *dypls.GetSecretASRDetailRequest) { r.CallTime = dypls.At(c.CallTime.Add(-time.Second)) }},
			"another call": {"isv.ILLEGAL_ARGUMENT", func(r *dypls.GetSecretASRDetailRequest) { r.CallID = "c1" }},
			"another pool": {"isv.POOLKEY_NOT_EXISTS", func(r *dypls.GetSecretASRDetailRequest) { r.PoolKey = "FC9" }},
		} {
			asked := request
			change.change(&asked)
			_, err := dypls.GetSecretASRDetail.Call(t.Context(), b, asked)
			wantCode(t, what, change.code, err)
		}
		// A call on a binding that is not transcribed any more has none.
		b.want("OK", "UpdateSubscription", params{
			"PoolKey": c.PoolKey, "SubsId": c.SubsID, "PhoneNoX": string(c.SecretNo), "OperateType": dypls.UpdateASR, "ASRStatus": "false",
		})
		silent, err := b.PlaceCall(dyplstest.Dial{SubsID: c.SubsID, Caller: stranger})
		if err != nil || silent.Transcribed {
			t.Fatalf("%+v, %v", silent, err)
		}
		request.CallID, request.CallTime = silent.CallID, dypls.At(silent.CallTime)
		_, err = ask()
		wantCode(t, "not transcribed", "isv.ILLEGAL_ARGUMENT", err)
		b.sleep(31 * 24 * time.Hour)
		request.CallID, request.CallTime = c.CallID, dypls.At(c.CallTime)
		_, err = ask()
		wantCode(t, "not kept any longer", "isv.ILLEGAL_ARGUMENT", err)
	})
}

// The longest call that can be placed has a transcript that an answer can hold.
func TestTranscriptOfTheLongestCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench{nil, &clock{now: time.Now()}, t}
		sim, err := dyplstest.New(dyplstest.Config{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		b.Simulator = sim
		made := b.want("OK", "BindAxn", nowAXN().with(params{"ASRStatus": "true"})).SecretBindDTO
		c, err := b.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: stranger, Length: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		b.sleep(25 * time.Hour)
		a := b.want("OK", "GetSecretAsrDetail", params{"PoolKey": c.PoolKey, "CallId": c.CallID, "CallTime": dypls.At(c.CallTime).String()})
		if n := strings.Count(a.Body, `"Text"`); n != 1000 || len(a.Body) > 1<<20 {
			t.Errorf("%d sentences in %d bytes", n, len(a.Body))
		}
	})
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
