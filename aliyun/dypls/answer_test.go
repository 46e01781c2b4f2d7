package dypls_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// call performs an operation on one of the samples against a fixed answer.
func call[Req dypls.Request, Res any](t *testing.T, o dypls.Operation[Req, Res], c dypls.Caller) (any, error) {
	t.Helper()
	request := samples[o.Action].minimal
	switch bind := request.(type) {
	case dypls.BindAXNRequest:
		bind.Expiration = soon().Expiration
		request = bind
	case dypls.BindBatchAXGRequest:
		bind.AxgBindList = []dypls.AXGBind{{PhoneNoA: numberA, GroupID: "7", Expiration: soon().Expiration}}
		request = bind
	}
	return o.Call(t.Context(), c, request.(Req))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	bind := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.BindAXN, c) }
	unbind := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.UnbindSubscription, c) }
	change := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.UpdateSubscription, c) }
	detail := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySubscriptionDetail, c) }
	list := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySubsID, c) }
	recording := func(t *testing.T, c dypls.Caller) (any, error) {
		return call(t, dypls.QueryRecordFileDownloadURL, c)
	}
	const link = "http://records.example.com/1000_c1.mp3?Expires=1629900689&OSSAccessKeyId=id&Signature=s"

	tests := map[string]struct {
		call   func(*testing.T, dypls.Caller) (any, error)
		fields string // beside the envelope
		want   any
		class  dypls.Class // of the error, where the answer cannot be used
	}{
		"bind": {bind, `,"SecretBindDTO":{"SubsId":"1000000000000001","SecretNo":"17000000003","Extension":"801"}`,
			dypls.Binding{SubsID: "1000000000000001", SecretNo: numberX, Extension: "801"}, ""},
		"bind, numbers as numbers": {bind, `,"SecretBindDTO":{"SubsId":1000000000000001,"SecretNo":17000000003,"Extension":1576822942407}`,
			dypls.Binding{SubsID: "1000000000000001", SecretNo: numberX, Extension: "1576822942407"}, ""},
		"bind, escaped":         {bind, `,"SecretBindDTO":{"SubsId":"\u0031","SecretNo":"17000000003"}`, dypls.Binding{SubsID: "1", SecretNo: numberX}, ""},
		"bind, no extension":    {bind, `,"SecretBindDTO":{"SubsId":"1","SecretNo":"17000000003","Extension":null}`, dypls.Binding{SubsID: "1", SecretNo: numberX}, ""},
		"bind, no DTO":          {bind, ``, nil, dypls.Uncertain},
		"bind, null DTO":        {bind, `,"SecretBindDTO":null`, nil, dypls.Uncertain},
		"bind, empty DTO":       {bind, `,"SecretBindDTO":{}`, nil, dypls.Uncertain},
		"bind, DTO of a kind":   {bind, `,"SecretBindDTO":"17000000003"`, nil, dypls.Uncertain},
		"bind, no SubsId":       {bind, `,"SecretBindDTO":{"SecretNo":"17000000003"}`, nil, dypls.Uncertain},
		"bind, SubsId a list":   {bind, `,"SecretBindDTO":{"SubsId":["1"],"SecretNo":"17000000003"}`, nil, dypls.Uncertain},
		"bind, no X":            {bind, `,"SecretBindDTO":{"SubsId":"1"}`, nil, dypls.Uncertain},
		"unbind":                {unbind, `,"ChargeId":"true"`, dypls.Unbinding{ChargeID: "true"}, ""},
		"unbind, boolean":       {unbind, `,"ChargeId":true`, dypls.Unbinding{ChargeID: "true"}, ""},
		"unbind, of a kind":     {unbind, `,"ChargeId":{}`, nil, dypls.Uncertain},
		"unbind, nothing":       {unbind, ``, dypls.Unbinding{}, ""},
		"update":                {change, ``, dypls.Update{}, ""},
		"list":                  {list, `,"SubsId":"1,2"`, dypls.SubsIDs{SubsID: "1,2"}, ""},
		"list of one, a number": {list, `,"SubsId":1000000000000001`, dypls.SubsIDs{SubsID: "1000000000000001"}, ""},
		"list of none":          {list, `,"SubsId":""`, dypls.SubsIDs{}, ""},
		"list of a kind":        {list, `,"SubsId":{}`, nil, dypls.Unavailable},
		"recording":             {recording, `,"DownloadUrl":"` + link + `"`, dypls.Recording{DownloadURL: link, ExpiresAt: time.Unix(1629900689, 0)}, ""},
		"recording, no expiry":  {recording, `,"DownloadUrl":"http://h/x"`, dypls.Recording{DownloadURL: "http://h/x"}, ""},
		"recording, empty":      {recording, `,"DownloadUrl":""`, nil, dypls.NotReady},
		"recording, null":       {recording, `,"DownloadUrl":null`, nil, dypls.NotReady},
		"recording, absent":     {recording, ``, nil, dypls.NotReady},
		"recording, of a kind":  {recording, `,"DownloadUrl":{}`, nil, dypls.Unavailable},
		"detail": {detail, `,"SecretBindDetailDTO":{"SubsId":"1000","PhoneNoA":"15000000001","PhoneNoB":"15800000002","PhoneNoX":"17000000003","Status":1,
			"ExpireDate":"2026-11-22 18:30:00","GmtCreate":"2021-08-25 20:11:29","NeedRecord":true,"ASRStatus":true,"ASRModelId":"m1",
			"CallRestrict":"CONTROL_AX_DISABLE ","Extension":"801","GroupId":7}`, dypls.SubscriptionDetail{
			SubsID: "1000", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Status: dypls.SubscriptionActive, ExpireDate: expiration,
			GmtCreate: dypls.At(callTime.Truncate(time.Second)), NeedRecord: true, ASRStatus: true, ASRModelID: "m1",
			CallRestrict: dypls.ControlAXDisable, Extension: "801", GroupID: 7,
		}, ""},
		"detail, SubsId a number": {detail, `,"SecretBindDetailDTO":{"SubsId":1000000000000001,"Status":0}`, dypls.SubscriptionDetail{SubsID: "1000000000000001"}, ""},
		"detail, no DTO":          {detail, ``, nil, dypls.Unavailable},
		"detail, no status":       {detail, `,"SecretBindDetailDTO":{"SubsId":"1"}`, nil, dypls.Unavailable},
		"detail, null DTO":        {detail, `,"SecretBindDetailDTO":null`, nil, dypls.Unavailable},
		"detail, empty DTO":       {detail, `,"SecretBindDetailDTO":{}`, nil, dypls.Unavailable},
		"detail, odd time":        {detail, `,"SecretBindDetailDTO":{"SubsId":"1","Status":1,"ExpireDate":"soon"}`, nil, dypls.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.call(t, ok(tt.fields))
			if tt.class == "" {
				if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			failure, is := errors.AsType[*dypls.Error](err)
			if !is || failure.Class != tt.class || failure.RequestID != "8906582E-6722" {
				t.Fatalf("got %v, want class %s and the RequestId", err, tt.class)
			}
			// The API did answer OK, yet no answer of it decided, but where it is only a matter of time.
			if want := map[bool]string{true: "OK", false: dypls.CodeNoAnswer}[tt.class == dypls.NotReady]; failure.Code != want {
				t.Errorf("code %s, want %s", failure.Code, want)
			}
		})
	}
}

func TestSubsIDsList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want []string
	}{{"", []string{}}, {"1", []string{"1"}}, {"1,2", []string{"1", "2"}}, {" 1 , 2, ", []string{"1", "2"}}, {",", []string{}}}
	for _, test := range tests {
		in, want := test.in, test.want
		if diff := cmp.Diff(want, (dypls.SubsIDs{SubsID: in}).List()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

// The names in an outcome's result are the API's own.
func TestResultsJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		result any
		want   string
	}{
		"binding": {dypls.Binding{SubsID: "1", SecretNo: numberX, Extension: "801"}, `{"SubsId":"1","SecretNo":"17000000003","Extension":"801"}`},
		"recording": {dypls.Recording{DownloadURL: "http://h/x?Expires=1", ExpiresAt: time.Unix(1, 0).UTC()},
			`{"DownloadUrl":"http://h/x?Expires=1","ExpiresAt":"1970-01-01T00:00:01Z"}`},
		"recording without expiry": {dypls.Recording{DownloadURL: "http://h/x"}, `{"DownloadUrl":"http://h/x"}`},
		"unbinding":                {dypls.Unbinding{}, `{}`},
		"update":                   {dypls.Update{}, `{}`},
		"list":                     {dypls.SubsIDs{SubsID: "1,2"}, `{"SubsId":"1,2"}`},
		"detail": {dypls.SubscriptionDetail{SubsID: "1", PhoneNoX: numberX, ExpireDate: expiration},
			`{"SubsId":"1","PhoneNoA":"","PhoneNoB":"","PhoneNoX":"17000000003","Status":0,"ExpireDate":"2026-11-22 18:30:00","GmtCreate":"",` +
				`"NeedRecord":false,"ASRStatus":false,"ASRModelId":"","CallRestrict":"","Extension":"","GroupId":0}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.result)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
