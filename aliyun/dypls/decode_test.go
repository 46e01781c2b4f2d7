package dypls_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	notAnObject = " the input must be one JSON object of the API's parameters, not "
	notJSON     = " the input is not JSON: "
	notKnown    = "is not a parameter of this action"
	notATime    = "must be a time yyyy-MM-dd HH:mm:ss"
	anEpoch     = notATime + ", and no epoch timestamp"
)

// ringCode stands in a remedy, as an example: it is nobody's number.
const ringCode = "100000001"

func TestDecodeRequestRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want []string // of each problem, as it begins
	}{
		"nothing":               {"", []string{notAnObject + "nothing"}},
		"blanks":                {" \n", []string{notAnObject + "nothing"}},
		"null":                  {"null", []string{notAnObject + "null"}},
		"array":                 {`[{"PoolKey":"FC1"}]`, []string{notAnObject + "an array"}},
		"string":                {`"15098765432"`, []string{notAnObject + "a string"}},
		"number":                {`15098765432`, []string{notAnObject + "a number"}},
		"cut off":               {`{"PoolKey":"FC1"`, []string{notJSON + "an end that comes too early at character 17"}},
		"cut off in a value":    {`{"PhoneNoA":"15098765432`, []string{notJSON + "an end that comes too early at character 25"}},
		"cut off after a name":  {`{"PhoneNoA"`, []string{notJSON + "an end that comes too early at character 12"}},
		"no name":               {`{15098765432:1}`, []string{notJSON + "a word without quotes at character 2"}},
		"comma at the end":      {`{"PoolKey":"FC1",}`, []string{notJSON + "a comma too many at character 18"}},
		"single quotes":         {`{'PoolKey':'FC1'}`, []string{notJSON + "single quotes at character 2"}},
		"two objects":           {`{"PoolKey":"FC1"} {"PoolKey":"FC2"}`, []string{notJSON + "something after the JSON value at character 19"}},
		"garbage behind":        {`{"PoolKey":"FC1"}15098765432`, []string{notJSON + "something after the JSON value at character 18"}},
		"brace behind":          {`{"PoolKey":"FC1"}}`, []string{notJSON + "something after the JSON value at character 18"}},
		"unknown":               {`{"Colour":"red"}`, []string{`"Colour" ` + notKnown}},
		"twice":                 {`{"PoolKey":"FC1","PoolKey":"FC1"}`, []string{`"PoolKey" is given twice`}},
		"number for a string":   {`{"PoolKey":15098765432}`, []string{"PoolKey must be a JSON string"}},
		"number for a phone":    {`{"PhoneNoA":15098765432}`, []string{"PhoneNoA must be a JSON string"}},
		"object for a string":   {`{"OutId":{"a":"15098765432"}}`, []string{"OutId must be a JSON string, not an object"}},
		"array for an object":   {`{"RingConfig":["15098765432"]}`, []string{"RingConfig must be a JSON string, not an array"}},
		"array for a phone":     {`{"PhoneNoA":["15098765432"]}`, []string{"PhoneNoA must be a JSON string, not an array"}},
		"string for a boolean":  {`{"IsRecordingEnabled":"true"}`, []string{"IsRecordingEnabled must be true or false"}},
		"number for a boolean":  {`{"ASRStatus":1}`, []string{"ASRStatus must be true or false"}},
		"string for an integer": {`{"CallTimeout":"15"}`, []string{"CallTimeout must be an integer"}},
		"fraction":              {`{"CallTimeout":15.5}`, []string{"CallTimeout must be an integer"}},
		"huge integer":          {`{"CallTimeout":15098765432150987654321}`, []string{"CallTimeout must be an integer"}},
		"epoch ms":              {`{"Expiration":1795343400000}`, []string{"Expiration " + anEpoch}},
		"epoch ms as a string":  {`{"Expiration":"1795343400000"}`, []string{"Expiration " + anEpoch}},
		"unpadded time":         {`{"Expiration":"2099-1-31 23:59:59"}`, []string{"Expiration must have a month of two digits"}},
		"everything at once": {`{"PoolKey":1,"PhoneNumberA":"15098765432","poolkey":"FC1","Expiration":"soon","Expiration":"later","ASRStatus":"15098765432","15098765432":1}`,
			[]string{`"Expiration" is given twice`, "PoolKey must be a JSON string", `"PhoneNumberA" ` + notKnown, `"poolkey" ` + notKnown,
				"Expiration " + notATime, "Expiration " + notATime, "ASRStatus must be true or false", `"150****5432" ` + notKnown}},
		"a number for a name":    {`{"15098765432":"x"}`, []string{`"150****5432" ` + notKnown}},
		"a number in full width": {`{"１５０９８７６５４３２":"x"}`, []string{`"１５０****５４３２" ` + notKnown}},
		"a name across a cut":    {`{"` + strings.Repeat("x", 31) + `15098765432":"x"}`, []string{`"` + strings.Repeat("x", 31) + `150****54..." ` + notKnown}},
		"a link for a name":      {`{"http://h.example.com/p?Signature=s":1}`, []string{`"http://h.example.com/***" ` + notKnown}},
		// the escape's 01 joins the digits
		"an escape and digits": {`{"\u0001234567":1}`, []string{`"\x***" ` + notKnown}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(tt.in))
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(tt.want, decodeRules(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "98765") {
				t.Errorf("the error tells a value: %v", err)
			}
		})
	}
}

// decodeRules lists what could not be read. What else a request lacks is another test's matter.
func decodeRules(err error) []string {
	invalid, is := errors.AsType[*dypls.ValidationError](err)
	if !is {
		return []string{fmt.Sprintf("not a *ValidationError: %v", err)}
	}
	var rules []string
	for _, p := range invalid.Problems {
		if p.Rule != isRequired {
			rules = append(rules, p.Field+" "+p.Rule)
		}
	}
	return rules
}

func TestDecodeRequestAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want dypls.UpdateSubscriptionRequest
	}{
		// to validate is another step
		"empty":                  {`{}`, dypls.UpdateSubscriptionRequest{}},
		"blanks around":          {" \r\n{ \"PoolKey\" : \"FC1\" }\n", dypls.UpdateSubscriptionRequest{PoolKey: "FC1"}},
		"null is unset":          {`{"PoolKey":null,"Expiration":null,"CallDisplayType":null,"ASRStatus":null}`, dypls.UpdateSubscriptionRequest{}},
		"false is set":           {`{"ASRStatus":false}`, dypls.UpdateSubscriptionRequest{ASRStatus: new(false)}},
		"escaped Chinese":        {`{"OutId":"\u5317\u4eac"}`, dypls.UpdateSubscriptionRequest{OutID: "北京"}},
		"empty time":             {`{"Expiration":""}`, dypls.UpdateSubscriptionRequest{}},
		"an object for its text": {`{"RingConfig": {"AXNRing_A" : "101"} }`, dypls.UpdateSubscriptionRequest{RingConfig: `{"AXNRing_A":"101"}`}},
		"a time in RFC 3339":     {`{"Expiration":"2026-11-22T10:30:00.5Z"}`, dypls.UpdateSubscriptionRequest{Expiration: expiration}},
		"invalid numbers":        {`{"PhoneNoA":"+86 150"}`, dypls.UpdateSubscriptionRequest{PhoneNoA: "+86 150"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dypls.DecodeRequest[dypls.UpdateSubscriptionRequest]([]byte(tt.in))
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A list of requests is read as strictly as one, each problem at its place.
func TestDecodeRequestOfAList(t *testing.T) {
	t.Parallel()
	const one = `{"PhoneNoA":"15000000001","GroupId":"7","Expiration":"2026-11-22 18:30:00"}`
	bind := dypls.AXGBind{PhoneNoA: numberA, GroupID: "7", Expiration: expiration}
	tests := map[string]struct {
		in   string
		want []string
		list []dypls.AXGBind
	}{
		"an array":         {`{"PoolKey":"FC1","AxgBindList":[` + one + `]}`, nil, []dypls.AXGBind{bind}},
		"its text":         {`{"PoolKey":"FC1","AxgBindList":` + strconv.Quote("["+one+"]") + `}`, nil, []dypls.AXGBind{bind}},
		"null":             {`{"PoolKey":"FC1","AxgBindList":null}`, nil, nil},
		"an object":        {`{"PoolKey":"FC1","AxgBindList":` + one + `}`, []string{"AxgBindList must be a JSON array of objects"}, nil},
		"another text":     {`{"PoolKey":"FC1","AxgBindList":"15098765432"}`, []string{"AxgBindList must be a JSON array of objects"}, nil},
		"no objects":       {`{"PoolKey":"FC1","AxgBindList":[1,` + one + `]}`, []string{"AxgBindList[0] must be a JSON object"}, []dypls.AXGBind{{}, bind}},
		"unknown names":    {`{"PoolKey":"FC1","AxgBindList":[{"PhoneA":"15000000001","GroupId":"7","Expiration":"2026-11-22 18:30:00"}]}`, []string{`AxgBindList[0]."PhoneA" ` + notKnown}, nil},
		"a name twice":     {`{"PoolKey":"FC1","AxgBindList":[` + one + `,{"GroupId":"7","GroupId":"8","PhoneNoA":"15000000001","Expiration":"2026-11-22 18:30:00"}]}`, []string{`AxgBindList[1]."GroupId" is given twice`}, nil},
		"wrong types":      {`{"PoolKey":"FC1","AxgBindList":[{"PhoneNoA":15098765432,"GroupId":"7","Expiration":"2026-11-22 18:30:00","ASRStatus":"true","CallDisplayType":"1"}]}`, []string{"AxgBindList[0].PhoneNoA must be a JSON string", "AxgBindList[0].ASRStatus must be true or false", "AxgBindList[0].CallDisplayType must be an integer"}, nil},
		"an object inside": {`{"PoolKey":"FC1","AxgBindList":[{"PhoneNoA":"15000000001","GroupId":"7","Expiration":"2026-11-22 18:30:00","RingConfig":{"AXGRing_G":"101"}}]}`, nil, []dypls.AXGBind{{PhoneNoA: numberA, GroupID: "7", Expiration: expiration, RingConfig: `{"AXGRing_G":"101"}`}}},
		"what it lacks":    {`{"PoolKey":"FC1","AxgBindList":[{"PhoneNoA":"15000000001","x":1}]}`, []string{`AxgBindList[0]."x" ` + notKnown, "AxgBindList[0].GroupId is required", "AxgBindList[0].Expiration is required"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dypls.DecodeRequest[dypls.BindBatchAXGRequest]([]byte(tt.in))
			var rules []string
			if err != nil {
				rules = rulesOf(t, err)
			}
			if diff := cmp.Diff(tt.want, rules); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.list, got.AxgBindList); tt.list != nil && diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "98765") {
				t.Errorf("the error tells a value: %v", err)
			}
		})
	}
}

// Numbers are a list in JSON, and the API's own way of writing them is taken, too.
func TestDecodeRequestOfNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]dypls.Phone{
		`["15000000001","15800000002"]`: {numberA, numberB}, `"15000000001,15800000002"`: {numberA, numberB}, `"15000000001"`: {numberA}, `""`: {}, `null`: nil,
	} {
		got, err := dypls.DecodeRequest[dypls.CreateAXGGroupRequest]([]byte(`{"PoolKey":"FC1","Numbers":` + in + `}`))
		if diff := cmp.Diff(want, got.Numbers); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", in, err, diff)
		}
	}
	for _, in := range []string{`[15000000001]`, `{"a":1}`, `15000000001`} {
		_, err := dypls.DecodeRequest[dypls.CreateAXGGroupRequest]([]byte(`{"PoolKey":"FC1","Numbers":` + in + `}`))
		if diff := cmp.Diff([]string{"Numbers must be a JSON array of strings"}, rulesOf(t, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

// Whatever comes in, nothing panics, an error is a list of problems, and it shows no number.
func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"PoolKey":"FC1","PhoneNoA":"15098765432","Expiration":"2026-11-22 18:30:00","ASRStatus":true,"CallTimeout":5}`))
	f.Add([]byte(`{"15098765432":1,"PhoneNoA":15098765432,"PhoneNoA":"","１５０９８７６５４３２":{}}`))
	f.Add([]byte(`{"\u0001234567":[],"http://h/15098765432":null}15098765432`))
	f.Add([]byte("[{\xff"))
	f.Add([]byte(`{"RingConfig":"15098765432","x":1}`))
	f.Add([]byte(`{"RingConfig":{"a":1},"Expiration":"2026-11-22T10:30:00Z"}`))
	f.Add([]byte(`{"Expiration":1795343400000,"PoolKey":NaN,}`))
	f.Add([]byte(`{"AxgBindList":[{"PhoneNoA":15098765432,"x15098765432":1},"15098765432"],"Numbers":[15098765432]}`))
	f.Add([]byte(`{"AxgBindList":"[{\"PhoneNoA\":\"15098765432\"}]","Numbers":"15098765432,15098765433"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		bind, err := dypls.DecodeRequest[dypls.BindAXNRequest](data)
		_, updateErr := dypls.DecodeRequest[dypls.UpdateSubscriptionRequest](data)
		_, batchErr := dypls.DecodeRequest[dypls.BindBatchAXGRequest](data)
		_, groupErr := dypls.DecodeRequest[dypls.CreateAXGGroupRequest](data)
		for _, err := range []error{err, updateErr, batchErr, groupErr} {
			if err == nil {
				continue
			}
			if invalid, is := errors.AsType[*dypls.ValidationError](err); !is || len(invalid.Problems) == 0 {
				t.Fatalf("%q: not a list of problems: %#v", data, err)
			}
			if digitRun.MatchString(strings.ReplaceAll(err.Error(), ringCode, "")) || !utf8.ValidString(err.Error()) {
				t.Fatalf("%q: the error shows a number, or broken text: %q", data, err)
			}
		}
		if err != nil {
			return
		}
		// What is accepted is what will be stored, and read again.
		stored, err := json.Marshal(bind)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := dypls.DecodeRequest[dypls.BindAXNRequest](stored)
		if diff := cmp.Diff(bind, again); err != nil || diff != "" {
			t.Fatalf("%q was stored as %s: %v\n%s", data, stored, err, diff)
		}
	})
}

// A file in GBK would otherwise travel as a city of four question marks.
func TestDecodeRequestOfAnotherEncoding(t *testing.T) {
	t.Parallel()
	request, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte("{\"PoolKey\":\"FC1\",\"PhoneNoA\":\"15000000001\"," +
		"\"Expiration\":\"2026-11-22 18:30:00\",\"ExpectCity\":\"\xb1\xb1\xbe\xa9\"}"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ExpectCity " + isUTF8}, rulesOf(t, request.Validate())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
