package dypls_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// soon is a request that is valid now: Call looks at the clock itself.
func soon() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: numberA, Expiration: dypls.At(time.Now().Add(time.Hour))}
}

var record = dypls.QueryRecordFileDownloadURLRequest{PoolKey: "FC1", CallID: "c1", CallTime: callTime}

func TestOperationCallSends(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "ours")
	request := soon()
	calls := 0
	_, err := dypls.BindAXN.Call(ctx, callerFunc(func(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
		calls++
		if ctx.Value(key{}) != "ours" {
			t.Error("the context did not reach the Caller")
		}
		want := dypls.Call{Action: "BindAxn", Mutates: true, Parameters: dypls.ParametersOf(request)}
		if diff := cmp.Diff(want, call); diff != "" {
			t.Errorf("call (-want +got):\n%s", diff)
		}
		return says(400, `{"Code":"isp.SYSTEM_ERROR"}`)(ctx, call)
	}), request)
	if err == nil || calls != 1 {
		t.Errorf("%d calls, %v; want one call and no second try", calls, err)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ mutates, want bool }{
		"BindAxb": {dypls.BindAXB.Mutates, true}, "BindAxn": {dypls.BindAXN.Mutates, true},
		"BindAxnExtension": {dypls.BindAXNExtension.Mutates, true}, "BindAxg": {dypls.BindAXG.Mutates, true},
		"UnbindSubscription": {dypls.UnbindSubscription.Mutates, true}, "UpdateSubscription": {dypls.UpdateSubscription.Mutates, true},
		"QuerySubscriptionDetail": {dypls.QuerySubscriptionDetail.Mutates, false}, "QuerySubsId": {dypls.QuerySubsID.Mutates, false},
		"QueryRecordFileDownloadUrl": {dypls.QueryRecordFileDownloadURL.Mutates, false},
		"GetTotalPublicUrl":          {dypls.GetTotalPublicURL.Mutates, false}, "GetSecretAsrDetail": {dypls.GetSecretASRDetail.Mutates, false},
		"QuerySecretNoDetail": {dypls.QuerySecretNoDetail.Mutates, false}, "QuerySecretNoRemain": {dypls.QuerySecretNoRemain.Mutates, false},
		"LockSecretNo": {dypls.LockSecretNo.Mutates, true}, "UnlockSecretNo": {dypls.UnlockSecretNo.Mutates, true},
		"CreateAxgGroup": {dypls.CreateAXGGroup.Mutates, true}, "OperateAxgGroup": {dypls.OperateAXGGroup.Mutates, true},
		"DeleteAxgGroup": {dypls.DeleteAXGGroup.Mutates, true}, "BindBatchAxg": {dypls.BindBatchAXG.Mutates, true},
	}
	for action, tt := range tests {
		if tt.mutates != tt.want {
			t.Errorf("%s: Mutates = %t", action, tt.mutates)
		}
	}
	names := []string{
		dypls.BindAXB.Action, dypls.BindAXN.Action, dypls.BindAXNExtension.Action, dypls.BindAXG.Action, dypls.UnbindSubscription.Action,
		dypls.UpdateSubscription.Action, dypls.QuerySubscriptionDetail.Action, dypls.QuerySubsID.Action, dypls.QueryRecordFileDownloadURL.Action,
		dypls.GetTotalPublicURL.Action, dypls.GetSecretASRDetail.Action, dypls.QuerySecretNoDetail.Action, dypls.QuerySecretNoRemain.Action,
		dypls.LockSecretNo.Action, dypls.UnlockSecretNo.Action, dypls.CreateAXGGroup.Action, dypls.OperateAXGGroup.Action,
		dypls.DeleteAXGGroup.Action, dypls.BindBatchAXG.Action,
	}
	for _, name := range names {
		if _, known := tests[name]; !known {
			t.Errorf("%s is not an action of the API", name)
		}
		delete(tests, name)
	}
	if len(tests) > 0 {
		t.Errorf("no operation for %v", tests)
	}
}

// What makes another thing each time must never pass for what may simply be made again.
func TestRepeatableOperations(t *testing.T) {
	t.Parallel()
	for action, repeatable := range map[string]struct{ got, want bool }{
		"CreateAxgGroup": {dypls.CreateAXGGroup.Repeatable, false}, "BindBatchAxg": {dypls.BindBatchAXG.Repeatable, false},
		"OperateAxgGroup": {dypls.OperateAXGGroup.Repeatable, false}, // whether a number may be added twice is not documented
		"DeleteAxgGroup":  {dypls.DeleteAXGGroup.Repeatable, true}, "LockSecretNo": {dypls.LockSecretNo.Repeatable, true},
		"UnlockSecretNo": {dypls.UnlockSecretNo.Repeatable, true}, "GetTotalPublicUrl": {dypls.GetTotalPublicURL.Repeatable, true},
		"GetSecretAsrDetail": {dypls.GetSecretASRDetail.Repeatable, true}, "QuerySecretNoDetail": {dypls.QuerySecretNoDetail.Repeatable, true},
		"QuerySecretNoRemain": {dypls.QuerySecretNoRemain.Repeatable, true},
	} {
		if repeatable.got != repeatable.want {
			t.Errorf("%s: Repeatable = %t", action, repeatable.got)
		}
	}
}

// Transcripts and batches are longer than what the usual bound of an answer is for.
func TestLongAnswersMayBeLong(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	note := callerFunc(func(_ context.Context, c dypls.Call) (dypls.Answer, error) {
		asked[c.Action] = c.MaxAnswer
		return dypls.Answer{Status: 200, Code: "isv.NEW"}, nil
	})
	_, _ = dypls.BindBatchAXG.Call(t.Context(), note, batchOf(1))
	_, _ = dypls.GetSecretASRDetail.Call(t.Context(), note, samples["GetSecretAsrDetail"].minimal.(dypls.GetSecretASRDetailRequest))
	_, _ = dypls.LockSecretNo.Call(t.Context(), note, samples["LockSecretNo"].minimal.(dypls.LockSecretNoRequest))
	if diff := cmp.Diff(map[string]int{"BindBatchAxg": 1 << 20, "GetSecretAsrDetail": 1 << 20, "LockSecretNo": 0}, asked); diff != "" {
		t.Errorf("bytes of an answer (-want +got):\n%s", diff)
	}
}

func TestOperationCallSendsNothingInvalid(t *testing.T) {
	t.Parallel()
	late := soon()
	late.Expiration = dypls.At(time.Now())
	for name, request := range map[string]dypls.BindAXNRequest{"empty": {}, "late": late} {
		_, err := dypls.BindAXN.Call(t.Context(), callerFunc(func(context.Context, dypls.Call) (dypls.Answer, error) {
			t.Errorf("%s: something was sent", name)
			return dypls.Answer{}, nil
		}), request)
		if _, invalid := errors.AsType[*dypls.ValidationError](err); !invalid {
			t.Errorf("%s: %v, want a *ValidationError", name, err)
		}
	}
}

func TestOperationCallFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status     int
		body       string
		bind, read dypls.Class // what it means to a call that mutates, and to one that does not
	}{
		"rejected":               {200, `{"Code":"isv.BIND_CONFLICT","SecretBindDTO":{}}`, dypls.Rejected, dypls.Rejected},
		"exhausted":              {200, `{"Code":"isv.NO_AVAILABLE_NUMBER"}`, dypls.Exhausted, dypls.Exhausted},
		"throttled":              {400, `{"Code":"Throttling.User","HostId":"h"}`, dypls.Throttled, dypls.Throttled},
		"unavailable":            {200, `{"Code":"isp.SYSTEM_ERROR"}`, dypls.Unavailable, dypls.Unavailable},
		"denied":                 {403, `{"Code":"Forbidden.RAM","HostId":"h"}`, dypls.Denied, dypls.Denied},
		"uncertain":              {503, `{"Code":"ServiceUnavailable","HostId":"h"}`, dypls.Uncertain, dypls.Unavailable},
		"unknown isp":            {200, `{"Code":"isp.NEW"}`, dypls.Uncertain, dypls.Unavailable},
		"unknown isp, gateway":   {400, `{"Code":"isp.NEW","HostId":"h"}`, dypls.Uncertain, dypls.Unavailable},
		"unknown isv":            {200, `{"Code":"isv.NEW"}`, dypls.Rejected, dypls.Rejected},
		"unknown 4xx, gateway":   {404, `{"Code":"New","HostId":"h"}`, dypls.Rejected, dypls.Rejected},
		"the code beats success": {200, `{"Code":"isv.NEW","Message":"OK","SecretBindDTO":{"SubsId":"1","SecretNo":"1"},"DownloadUrl":"u"}`, dypls.Rejected, dypls.Rejected},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, bindErr := dypls.BindAXN.Call(t.Context(), says(tt.status, tt.body), soon())
			_, readErr := dypls.QueryRecordFileDownloadURL.Call(t.Context(), says(tt.status, tt.body), record)
			for want, err := range map[*dypls.Error]error{
				{Action: "BindAxn", Class: tt.bind}: bindErr, {Action: "QueryRecordFileDownloadUrl", Class: tt.read}: readErr,
			} {
				got, is := errors.AsType[*dypls.Error](err)
				if !is || got.Class != want.Class || got.Action != want.Action || !strings.Contains(tt.body, `"`+got.Code+`"`) {
					t.Errorf("%#v, want class %s of %s", err, want.Class, want.Action)
				}
			}
		})
	}
}

// What the Caller says about a call without an answer is handed on as it is.
func TestOperationCallWithoutAnswer(t *testing.T) {
	t.Parallel()
	lost := &dypls.Error{Action: "BindAxn", Class: dypls.Uncertain, Code: dypls.CodeNoAnswer, Err: context.DeadlineExceeded}
	_, err := dypls.BindAXN.Call(t.Context(), callerFunc(func(context.Context, dypls.Call) (dypls.Answer, error) {
		return dypls.Answer{}, lost
	}), soon())
	if !errors.Is(err, lost) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the Caller's own error", err)
	}
}
