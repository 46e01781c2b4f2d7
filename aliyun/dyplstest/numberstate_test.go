package dyplstest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

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
