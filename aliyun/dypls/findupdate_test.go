package dypls_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// update changes each thing to another value than bind's; OperateType says which of them counts.
func (w world) update(b dypls.Binding, operate string) dypls.UpdateSubscriptionRequest {
	return dypls.UpdateSubscriptionRequest{
		PoolKey: pool, SubsID: b.SubsID, PhoneNoX: b.SecretNo, OperateType: operate, PhoneNoA: "15000000008", PhoneNoB: "95188",
		Expiration: dypls.At(time.Now().Add(3 * time.Hour)), GroupID: "12", CallRestrict: dypls.ControlBXDisable,
		IsRecordingEnabled: new(true), ASRStatus: new(true), ASRModelID: "m2",
	}
}

func TestFindUpdate(t *testing.T) {
	t.Parallel()
	for _, operate := range []string{
		dypls.UpdateNoA, dypls.UpdateNoB, dypls.UpdateExpire, dypls.UpdateAXGGroup, dypls.UpdateCallRestrict, dypls.UpdateIsRecordingEnabled, dypls.UpdateASR,
	} {
		t.Run(operate, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dyplstest.Config{})
			request := w.update(do(w, dypls.BindAXG, w.axg()), operate)
			if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Absent {
				t.Errorf("before it: %+v", got)
			}
			w.fault(dyplstest.Fault{Action: "UpdateSubscription", Do: dyplstest.DropAfter, Times: 1})
			if _, err := dypls.UpdateSubscription.Call(t.Context(), w, request); err == nil {
				t.Fatal("the answer was to be lost")
			}
			if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Found {
				t.Errorf("after it: %+v", got)
			}
		})
	}
}

// What is lifted or switched off shows as nothing there.
func TestFindUpdateToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	bind := w.axg()
	bind.CallRestrict, bind.IsRecordingEnabled, bind.ASRStatus, bind.ASRModelID = dypls.ControlAXDisable, true, true, "m1"
	made := do(w, dypls.BindAXG, bind)
	for _, operate := range []string{dypls.UpdateCallRestrict, dypls.UpdateIsRecordingEnabled, dypls.UpdateASR} {
		request := w.update(made, operate)
		request.CallRestrict, request.IsRecordingEnabled, request.ASRStatus = dypls.ControlClearDisable, new(false), new(false)
		if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Absent {
			t.Errorf("%s, before it: %+v", operate, got)
		}
		do(w, dypls.UpdateSubscription, request)
		request.ASRModelID = "m3" // of no effect
		if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Found {
			t.Errorf("%s, after it: %+v", operate, got)
		}
	}
}

// A model is a part of what updateAsr sets.
func TestFindUpdateOfTheModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	bind := w.axg()
	bind.ASRStatus, bind.ASRModelID = true, "m1"
	request := w.update(do(w, dypls.BindAXG, bind), dypls.UpdateASR)
	if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Absent {
		t.Errorf("with another model: %+v", got)
	}
}

// Without its binding an update cannot be in effect. To say so lets it be called again, and the API
// decide.
func TestFindUpdateOfWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	made := do(w, dypls.BindAXG, w.axg())
	do(w, dypls.UnbindSubscription, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: made.SubsID, SecretNo: simX})
	if got := find(w, dypls.UpdateSubscription, w.update(made, dypls.UpdateNoA), time.Now()); got.Finding != dypls.Absent {
		t.Errorf("%+v", got)
	}
	// The PoolKey may be a ProductType here: one binding is asked for, by its SubsId.
	request := w.update(do(w, dypls.BindAXG, w.axg()), dypls.UpdateNoA)
	request.PoolKey, request.ProductType = "", dypls.ProductAXN170
	do(w, dypls.UpdateSubscription, request)
	if got := find(w, dypls.UpdateSubscription, request, time.Now()); got.Finding != dypls.Found {
		t.Errorf("with a ProductType: %+v", got)
	}
}
