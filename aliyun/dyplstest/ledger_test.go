package dyplstest_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	u := newUnsigned("BindAxn", b.axn(nil), b.Now())
	made := do(t, b, u.v1())
	b.want("isv.NO_NOT_EXIST", "QuerySubsId", params{"PhoneNoX": "17200000000"})
	b.want("OK", "UnbindSubscription", params{
		"PoolKey": dyplstest.DefaultPoolKey, "SubsId": made.SecretBindDTO.SubsId, "SecretNo": made.SecretBindDTO.SecretNo,
	})
	entries := b.Ledger()
	want := dyplstest.Entry{
		Seq: 1, Action: "BindAxn", AccessKeyID: dyplstest.DefaultAccessKeyID, RequestID: made.RequestId, Nonce: u.nonce, ReceivedAt: b.Now(), AnsweredAt: b.Now(),
		Parameters: map[string]string{"PoolKey": dyplstest.DefaultPoolKey, "PhoneNoA": "15000000001", "Expiration": "2026-11-22 15:50:42"},
		Performed:  true, Code: "OK", SubsID: made.SecretBindDTO.SubsId, SecretNo: entries[0].SecretNo,
	}
	if !reflect.DeepEqual(entries[0], want) {
		t.Errorf("entry\n%#v, want\n%#v", entries[0], want)
	}
	if string(entries[0].SecretNo) != made.SecretBindDTO.SecretNo {
		t.Error("SecretNo is not the one of the answer")
	}
	if e := entries[1]; e.Performed || e.Code != "isv.NO_NOT_EXIST" || e.SubsID != "" {
		t.Errorf("entry of a refused call %#v", e)
	}
	if e := entries[2]; !e.Performed || e.SubsID != made.SecretBindDTO.SubsId {
		t.Errorf("entry of the unbind %#v", e)
	}
}

func TestLedgerLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{3: 3, -1: 10, 0: 10} {
		b := setup(t, dyplstest.Config{LedgerLimit: limit})
		for range 10 {
			b.want("OK", "BindAxn", b.axn(nil))
		}
		entries := b.Ledger()
		if len(entries) != want || entries[len(entries)-1].Seq != 10 {
			t.Errorf("limit %d: %d entries up to %d, want %d up to 10", limit, len(entries), entries[len(entries)-1].Seq, want)
		}
	}
}

func TestLedgerHandler(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	b.want("OK", "BindAxn", b.axn(nil))
	b.want("isv.POOLKEY_NOT_EXISTS", "BindAxn", b.axn(params{"PoolKey": "FC9"}))
	b.want("OK", "BindAxn", b.axn(nil))
	tests := map[string][]int{"": {1, 2, 3}, "?performed=1": {1, 3}, "?performed=0": {1, 2, 3}, "?after=1": {2, 3}, "?after=1&performed=true": {3}, "?after=9": nil}
	for query, want := range tests {
		w := httptest.NewRecorder()
		b.LedgerHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_dyplsq/ledger"+query, nil))
		var got []int
		for lines := bufio.NewScanner(w.Body); lines.Scan(); {
			var e dyplstest.Entry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if e.Parameters["PhoneNoA"] != "15000000001" || e.Performed && len(e.SecretNo) != 11 {
				t.Errorf("the numbers of %s are not whole", lines.Text())
			}
			got = append(got, e.Seq)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("GET %s: entries %v, want %v", query, got, want)
		}
	}
	for name, r := range map[string]*http.Request{
		"POST": httptest.NewRequest(http.MethodPost, "/", nil), "performed": httptest.NewRequest(http.MethodGet, "/?performed=perhaps", nil),
		"after": httptest.NewRequest(http.MethodGet, "/?after=x", nil),
	} {
		w := httptest.NewRecorder()
		if b.LedgerHandler().ServeHTTP(w, r); w.Code/100 != 4 {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}
