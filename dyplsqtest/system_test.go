package dyplsqtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func bind() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13800000001", Expiration: dypls.At(time.Now().Add(time.Hour))}
}

func TestBindIsCalledOnceMoreAfterThrottling(t *testing.T) {
	t.Parallel()
	system := dyplsqtest.Start(t, dyplsqtest.Faults(dyplstest.Fault{Action: "BindAxn", First: 1, Code: "isv.FLOW_LIMIT"}))
	task, err := tasks.BindAXN.Enqueue(t.Context(), system.Queue, bind())
	if err != nil {
		t.Fatal(err)
	}
	binding, err := task.Wait(t.Context())
	if err != nil || binding.SecretNo == "" {
		t.Fatalf("%+v, %v", binding, err)
	}
	const calls, bindings = 2, 1
	entries := system.API.Ledger()
	made := 0
	for _, entry := range entries {
		if entry.Performed {
			made++
		}
	}
	if len(entries) != calls || made != bindings {
		t.Errorf("%d calls made %d bindings, want %d and %d", len(entries), made, calls, bindings)
	}
}

func TestPoolsAreTheTests(t *testing.T) {
	t.Parallel()
	system := dyplsqtest.Start(t, dyplsqtest.Pools(dyplstest.Pool{Key: "FC1", Numbers: []dypls.Phone{"17000000042"}}))
	request := bind()
	request.PoolKey = "FC1"
	for n, want := range []error{nil, &dypls.Error{Class: dypls.Exhausted}} {
		request.PhoneNoA = dypls.Phone(fmt.Sprintf("1380000000%d", n+1))
		task, err := tasks.BindAXN.Enqueue(t.Context(), system.Queue, request)
		if err != nil {
			t.Fatal(err)
		}
		_, err = task.Wait(t.Context())
		got, failed := errors.AsType[*dypls.Error](err)
		if failed != (want != nil) || failed && got.Class != dypls.Exhausted {
			t.Errorf("bind %d: %v", n+1, err)
		}
	}
}

// recorder is a test that fails.
type recorder struct {
	*testing.T

	said string
}

func (r *recorder) Fatalf(format string, args ...any) { r.said = fmt.Sprintf(format, args...) }

func TestStartFailsTheTest(t *testing.T) {
	t.Parallel()
	r := &recorder{T: t}
	if system := dyplsqtest.Start(r, dyplsqtest.Pools(dyplstest.Pool{Key: ""})); system != nil || !strings.Contains(r.said, "dyplsqtest: ") {
		t.Errorf("%v, %q", system, r.said)
	}
}
