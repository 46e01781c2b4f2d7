package dypls_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Whoever writes a request by hand is told of the slips and of what is missing in one go, and of nothing twice.
func TestDecodeRequestTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(
		`{"poolkey":"FC1","PhoneNoA":15098765432,"PhoneNoX":"+86","CallTimeout":99,"Colour":"red"}`))
	want := []string{`"poolkey" ` + notKnown, "PhoneNoA must be a JSON string", `"Colour" ` + notKnown,
		"PhoneNoX " + dialable, "Expiration " + isRequired, "CallTimeout must be between 5 and 20"}
	if diff := cmp.Diff(want, rulesOf(t, err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	_, err = dypls.DecodeRequest[dypls.QuerySubsIDRequest]([]byte(`{"PoolKey":"FC1","PhoneNoX":"17000000003","Colour":"red"}`))
	if diff := cmp.Diff([]string{`"Colour" ` + notKnown}, rulesOf(t, err)); diff != "" {
		t.Errorf("nothing else is wrong (-want +got):\n%s", diff)
	}
	// But a request that reads well is not validated: that is another step, with rules of its time.
	if _, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(`{"CallTimeout":99}`)); err != nil {
		t.Errorf("validated: %v", err)
	}
}

// A line of a file may carry a key beside the API's parameters.
func TestDecodeRequestExtra(t *testing.T) {
	t.Parallel()
	var key string
	extra := dypls.Extra{Name: "TaskID", Into: &key}
	got, err := dypls.DecodeRequest[dypls.QuerySubsIDRequest]([]byte(`{"TaskID":"order-42","PoolKey":"FC1"}`), extra)
	if err != nil || key != "order-42" || got.PoolKey != "FC1" {
		t.Errorf("key %q, request %+v, %v", key, got, err)
	}
	_, err = dypls.DecodeRequest[dypls.QuerySubsIDRequest]([]byte(`{"TaskID":15098765432,"taskid":"x"}`), extra)
	if diff := cmp.Diff([]string{"TaskID must be a JSON string", `"taskid" ` + notKnown}, decodeRules(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDecodeRequestNamesTheNearest(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // slip -> what was meant
		"PhoneNumberA": "PhoneNoA", "PhoneNumberB": "PhoneNoB", "PhoneNumberX": "PhoneNoX",
		"PhoneA": "PhoneNoA", "PhoneX": "PhoneNoX", "phoneNoX": "PhoneNoX", "phone_no_b": "PhoneNoB", "PHONENOA": "PhoneNoA",
		"poolkey": "PoolKey", "PoolKye": "PoolKey", "PartnerKey": "PoolKey", "Expiratoin": "Expiration", "ExpireDate": "Expiration",
		"IsRecordEnabled": "IsRecordingEnabled", "OutID": "OutId", "out_id": "OutId", "OrderId": "OutOrderId", "AsrModelId": "ASRModelId",
		"CallRestriction": "CallRestrict", "Timeout": "CallTimeout", "City": "", "X": "", "": "", strings.Repeat("PoolKey", 10): "",
	}
	for slip, meant := range tests {
		t.Run(slip, func(t *testing.T) {
			t.Parallel()
			_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(fmt.Sprintf(`{%q:null}`, slip)))
			want := "did you mean " + meant + "?"
			if meant == "" {
				want = "remove it"
			}
			invalid, is := errors.AsType[*dypls.ValidationError](err)
			if !is || invalid.Problems[0].Remedy != want || invalid.Problems[0].Meant != meant {
				t.Errorf("got %+v, want %s", invalid, want)
			}
		})
	}
}
