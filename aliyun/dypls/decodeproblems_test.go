package dypls_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Whoever writes a request by hand is told of the slips and of what is missing in one go, and of
// nothing twice.
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
		"CallRestriction": "CallRestrict", "Timeout": "CallTimeout", "City": "ExpectCity", "SecretNo": "PhoneNoX", "secret_no": "PhoneNoX",
		"SubsId": "", "CallId": "", "GroupId": "", "ProductType": "", "Colour": "", "X": "", "": "", strings.Repeat("PoolKey", 10): "",
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

// A name that is another's in another action, or that the client adds by itself, is not mended by
// its letters.
func TestDecodeRequestNamesWhatLettersDoNotTell(t *testing.T) {
	t.Parallel()
	const added = "leave it out: it is added"
	bind := func(data []byte) error { _, err := dypls.DecodeRequest[dypls.BindAXNRequest](data); return err }
	unbind := func(data []byte) error {
		_, err := dypls.DecodeRequest[dypls.UnbindSubscriptionRequest](data)
		return err
	}
	recording := func(data []byte) error {
		_, err := dypls.DecodeRequest[dypls.QueryRecordFileDownloadURLRequest](data)
		return err
	}
	tests := map[string]struct {
		decode       func([]byte) error
		name, remedy string
	}{
		"X of an unbind":          {unbind, "PhoneNoX", "did you mean SecretNo?"},
		"X of an unbind, lower":   {unbind, "phone_no_x", "did you mean SecretNo?"},
		"A of an unbind":          {unbind, "PhoneNoA", "remove it"},
		"the pool of a recording": {recording, "PartnerKey", "did you mean PoolKey?"},
		"a receipt's call":        {recording, "call_time", "did you mean CallTime?"},
		"one of three":            {bind, "PhoneNo", "did you mean PhoneNoA, PhoneNoB or PhoneNoX?"},
		"a fourth":                {bind, "PhoneNoC", "did you mean PhoneNoA, PhoneNoB or PhoneNoX?"},
		"a swap":                  {bind, "OtuId", "did you mean OutId?"},
		"Action":                  {bind, "Action", added},
		"Version":                 {bind, "Version", added},
		"RegionId":                {bind, "RegionId", added},
		"Signature":               {unbind, "signature", added},
		"AccessKeyId":             {recording, "AccessKeyId", added},
		"Timestamp":               {recording, "Timestamp", added},
		"Format":                  {bind, "Format", added},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			invalid, is := errors.AsType[*dypls.ValidationError](test.decode(fmt.Appendf(nil, `{%q:null}`, test.name)))
			if !is || invalid.Problems[0].Remedy != test.remedy {
				t.Errorf("got %v, want %s", invalid, test.remedy)
			}
		})
	}
}

// Where a text stops being JSON, and why, in words for whoever wrote it by hand or with a careless
// program.
func TestDecodeRequestTellsTheSlip(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, rule, remedy string }{
		"trailing comma":       {"{\"PoolKey\":\"FC1\",\n \"OutId\":\"1\",\n}", "a comma too many at line 3, character 1", "remove the comma"},
		"two commas":           {`{"PoolKey":"FC1",,"OutId":"1"}`, "a comma too many at character 18", "remove the comma"},
		"single quotes":        {`{'PoolKey':1}`, "single quotes at character 2", "write double quotes"},
		"single-quoted value":  {`{"PoolKey":'FC1'}`, "single quotes at character 12", "write double quotes"},
		"a word's quotes":      {`{“PoolKey”:"FC1"}`, "quotes that are not ASCII at character 2", `write "`},
		"a Chinese comma":      {`{"PoolKey":"FC1"，"OutId":"1"}`, "full-width punctuation at character 17", "write it in ASCII"},
		"NBSP":                 {"{\u00a0\"PoolKey\":\"FC1\"}", "white space that JSON does not know at character 2", "remove the space"},
		"NaN":                  {`{"CallTimeout":NaN}`, "NaN, which is no value in JSON at character 16", "write null, or leave the parameter out"},
		"None":                 {`{"PhoneNoX":None}`, "None, which is no value in JSON at character 13", "write null, or leave the parameter out"},
		"True":                 {`{"ASRStatus":True}`, "True, which is no value in JSON at character 14", "write true, or leave the parameter out"},
		"nil":                  {`{"ASRStatus":nil}`, "nil, which is no value in JSON at character 15", "write null, or leave the parameter out"},
		"a comment":            {"{\"PoolKey\":\"FC1\" // ours\n}", "a comment, which JSON does not have at line 1, character 18", "remove it"},
		"names without quotes": {`{PoolKey:"FC1"}`, "a word without quotes at character 2", "put it in double quotes"},
		"a leading zero":       {`{"PhoneNoA":057188880000}`, "a number that begins with 0 at character 14", "put it in quotes"},
		"a plus":               {`{"PhoneNoA":+8613800000001}`, "a word without quotes at character 13", "put it in double quotes"},
		"a line break":         {"{\"OutId\":\"a\nb\"}", "a line break or a control character within a string at line 1, character 12", `write \n for a line break, or remove it`},
		"a backslash":          {`{"OutId":"a\_b"}`, "a backslash before a sign that needs none at character 13", `write \\ for a backslash`},
		"a missing comma":      {`{"PoolKey":"FC1" "OutId":"1"}`, "a comma or a colon that is missing at character 18", "write a comma between parameters, a colon behind a name"},
		"a missing brace":      {`{"PoolKey":"FC1"`, "an end that comes too early at character 17", "close the quote, the bracket or the brace that was opened"},
		"an equals sign":       {`{"PoolKey"="FC1"}`, "something that does not belong there at character 11", "check what stands there, and just before it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(test.in))
			want := "the input is not JSON: " + test.rule + ": " + test.remedy
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	for encoding, in := range map[string]string{"UTF-16": "\xff\xfe{\x00}\x00", "UTF-32": "\xff\xfe\x00\x00{\x00\x00\x00", "gzip": "\x1f\x8b\x08\x00", "binary data": "{\"a\":\x00}"} {
		_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(in))
		if err == nil || !strings.HasPrefix(err.Error(), "the input must be UTF-8 text, not "+encoding+": ") {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}
