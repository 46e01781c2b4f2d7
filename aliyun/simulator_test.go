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

// The operations that no queue performs, one after another.
func TestClient_directCalls(t *testing.T) {
	t.Parallel()
	sim := dyplstest.Start(t, dyplstest.Config{Calls: dyplstest.Calls{Scale: 1e-6}})
	client, err := aliyun.New(aliyun.Config{
		Endpoint: sim.URL(), Credentials: aliyun.StaticCredentials(sim.AccessKeyID, sim.AccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	ctx := t.Context()
	const pool, member, locked = dyplstest.DefaultPoolKey, "15000000009", "17000000001"

	group, err := dypls.CreateAXGGroup.Call(ctx, client, dypls.CreateAXGGroupRequest{PoolKey: pool, Name: "客服 1", Numbers: []dypls.Phone{"95013"}})
	must(t, err)
	_, err = dypls.OperateAXGGroup.Call(ctx, client, dypls.OperateAXGGroupRequest{
		PoolKey: pool, GroupID: group.GroupID, OperateType: dypls.AddNumbers, Numbers: []dypls.Phone{member, "95014"},
	})
	must(t, err)
	_, err = dypls.LockSecretNo.Call(ctx, client, dypls.LockSecretNoRequest{PoolKey: pool, SecretNo: locked})
	must(t, err)
	detail, err := dypls.QuerySecretNoDetail.Call(ctx, client, dypls.QuerySecretNoDetailRequest{PoolKey: pool, SecretNo: locked})
	must(t, err)
	if detail.SecretStatus != dypls.SecretNoLocked {
		t.Errorf("state of a locked number: %+v", detail)
	}

	bind := dypls.AXGBind{
		PhoneNoA: "15000000001", GroupID: group.GroupID, Expiration: dypls.At(time.Now().Add(time.Hour)), ExpectCity: "北京",
		IsRecordingEnabled: true, ASRStatus: true, RingConfig: `{"AXGRing_G":"101"}`, OutID: "a+b *~/é 号",
	}
	onLocked := bind
	onLocked.PhoneNoX = locked
	batch, err := dypls.BindBatchAXG.Call(ctx, client, dypls.BindBatchAXGRequest{PoolKey: pool, AxgBindList: []dypls.AXGBind{onLocked, bind}})
	partial, is := errors.AsType[*dypls.PartialError](err)
	if !is || len(partial.Items) != 1 || partial.Items[0].Index != 0 || partial.Items[0].Err.Code != "isv.FORBIDDEN_ACTION" {
		t.Fatalf("a batch of which one bind failed: %v", err)
	}
	made := batch.SecretBindList[1].Binding()
	if bindings := sim.Bindings(); len(bindings) != 1 || bindings[0].SubsID != made.SubsID || bindings[0].OutID != bind.OutID || !bindings[0].ASRStatus {
		t.Fatalf("bindings %+v", sim.Bindings())
	}

	_, err = dypls.UnlockSecretNo.Call(ctx, client, dypls.UnlockSecretNoRequest{PoolKey: pool, SecretNo: locked})
	must(t, err)
	_, err = dypls.QuerySecretNoRemain.Call(ctx, client, dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: dypls.CityNational})
	must(t, err)

	call, err := sim.PlaceCall(dyplstest.Dial{SubsID: made.SubsID, Caller: member})
	must(t, err)
	at := dypls.At(call.CallTime)
	transcript := whenReady(t, func() (dypls.Transcript, error) {
		return dypls.GetSecretASRDetail.Call(ctx, client, dypls.GetSecretASRDetailRequest{PoolKey: pool, CallID: call.CallID, CallTime: at})
	})
	if !transcript.OK() || len(transcript.Sentences) == 0 {
		t.Errorf("transcript %v", transcript)
	}
	links := whenReady(t, func() (dypls.PublicURLs, error) {
		return dypls.GetTotalPublicURL.Call(ctx, client, dypls.GetTotalPublicURLRequest{PartnerKey: pool, CallID: call.CallID, CallTime: at, CheckSubs: true})
	})
	if left := time.Until(links.PhonePublicURL.ExpiresAt()); left < 29*24*time.Hour {
		t.Errorf("the link works for %s", left)
	}

	_, err = dypls.UnbindSubscription.Call(ctx, client, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: made.SubsID, SecretNo: made.SecretNo})
	must(t, err)
	_, err = dypls.DeleteAXGGroup.Call(ctx, client, dypls.DeleteAXGGroupRequest{PoolKey: pool, GroupID: group.GroupID})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whenReady calls until what was asked for is made.
func whenReady[Res any](t *testing.T, ask func() (Res, error)) Res {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		res, err := ask()
		if failure, is := errors.AsType[*dypls.Error](err); is && failure.Class == dypls.NotReady && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
			continue
		}
		must(t, err)
		return res
	}
}
