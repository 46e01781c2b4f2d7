package dyplstest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

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
