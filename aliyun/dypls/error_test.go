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

func TestErrorText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  *dypls.Error
		want string
	}{
		"all": {&dypls.Error{Action: "BindAxn", Class: dypls.Rejected, Code: "isv.X", Message: "no", RequestID: "R", Err: context.Canceled},
			"BindAxn: isv.X (Rejected): no: context canceled [RequestId R]"},
		"message like the code": {&dypls.Error{Action: "BindAxn", Class: dypls.Rejected, Code: "isv.X", Message: "isv.X"}, "BindAxn: isv.X (Rejected)"},
		"least":                 {&dypls.Error{Action: "BindAxn", Class: dypls.Uncertain, Code: dypls.CodeNoAnswer}, "BindAxn: dyplsq.NoAnswer (Uncertain)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An answer's own words may quote the request.
func TestErrorOfAnAnswer(t *testing.T) {
	t.Parallel()
	caller := callerFunc(func(ctx context.Context, c dypls.Call) (dypls.Answer, error) {
		answer, err := says(400, `{"Code":"Throttling.User","RequestId":"8906582E-6722","HostId":"h",
			"Message":"15000000001 is over its limit, see https://h.example.com/p?AccessKeyId=id&PhoneNoA=15000000001"}`)(ctx, c)
		answer.RetryAfter = 1500 * time.Millisecond
		return answer, err
	})
	_, err := dypls.BindAXN.Call(t.Context(), caller, soon())
	want := &dypls.Error{
		Action: "BindAxn", Class: dypls.Throttled, Code: "Throttling.User", RequestID: "8906582E-6722", RetryAfter: 1500 * time.Millisecond,
		Message: "150****0001 is over its limit, see https://h.example.com/***",
	}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), string(numberA)) || !strings.Contains(err.Error(), "8906582E-6722") {
		t.Errorf("the text must hold the RequestId and no number: %v", err)
	}
}

// A code is a word of somebody else's, too.
func TestErrorOfAnOddCode(t *testing.T) {
	t.Parallel()
	_, err := dypls.BindAXN.Call(t.Context(), says(200, `{"Code":"15000000001"}`), soon())
	failure, is := errors.AsType[*dypls.Error](err)
	if !is || failure.Class != dypls.Uncertain || strings.Contains(err.Error(), string(numberA)) {
		t.Errorf("got %v, want Uncertain and no number", err)
	}
}

func TestErrorUnwraps(t *testing.T) {
	t.Parallel()
	if err := error(&dypls.Error{Err: context.DeadlineExceeded}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("the cause cannot be asked for")
	}
	if err := (&dypls.Error{}).Unwrap(); err != nil {
		t.Errorf("a cause out of nothing: %v", err)
	}
}
