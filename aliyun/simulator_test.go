package aliyun_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// The whole way, to a server that checks signatures with code of its own.
func TestClient_simulator(t *testing.T) {
	t.Parallel()
	fault, err := dyplstest.ParseFault("action=UnbindSubscription do=drop-after times=1")
	if err != nil {
		t.Fatal(err)
	}
	sim := dyplstest.Start(t, dyplstest.Config{Faults: []dyplstest.Fault{fault}})
	connect := func(secret string) *aliyun.Client {
		client, err := aliyun.New(aliyun.Config{
			Endpoint: sim.URL(), Credentials: aliyun.StaticCredentials(sim.AccessKeyID, secret, ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	request := dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "15000000001",
		Expiration: dypls.At(time.Now().Add(time.Hour)), OutID: "a+b *~/é 号",
	}

	_, err = dypls.BindAXN.Call(t.Context(), connect("another-secret"), request)
	if e, ok := errors.AsType[*dypls.Error](err); !ok || e.Class != dypls.Denied {
		t.Errorf("with another secret the error is %v", err)
	}
	client := connect(sim.AccessKeySecret)
	binding, err := dypls.BindAXN.Call(t.Context(), client, request)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dypls.UnbindSubscription.Call(t.Context(), client, dypls.UnbindSubscriptionRequest{
		PoolKey: dyplstest.DefaultPoolKey, SubsID: binding.SubsID, SecretNo: binding.SecretNo,
	})
	if e, ok := errors.AsType[*dypls.Error](err); !ok || e.Class != dypls.Uncertain {
		t.Errorf("an unbind whose answer is lost ends with %v", err)
	}
	if n := len(sim.Bindings()); n != 0 {
		t.Errorf("%d bindings are left", n)
	}
}
