package dypls_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// unasked is a Caller that nothing may reach.
func unasked(t *testing.T) dypls.Caller {
	t.Helper()
	return callerFunc(func(_ context.Context, call dypls.Call) (dypls.Answer, error) {
		t.Errorf("%s was called", call.Action)
		return dypls.Answer{}, &dypls.Error{Action: call.Action, Class: dypls.Unavailable, Code: dypls.CodeNotSent}
	})
}

// A findability is whether a request's effect can be looked for, and what looking for it brings
// when it cannot.
type findability struct {
	findable bool
	find     func(t *testing.T) (dypls.Finding, error)
}

func findabilityOf[Req dypls.Request, Res any](o dypls.Operation[Req, Res], req Req) findability {
	return findability{o.Findable(req), func(t *testing.T) (dypls.Finding, error) {
		t.Helper()
		sighting, err := o.Find(t.Context(), unasked(t), req, time.Now())
		return sighting.Finding, err
	}}
}

func TestFindable(t *testing.T) {
	t.Parallel()
	axn := dypls.BindAXNRequest{PoolKey: pool, PhoneNoA: numberA, PhoneNoX: simX, Expiration: expiration}
	axb := dypls.BindAXBRequest{PoolKey: pool, PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: simX, Expiration: expiration}
	extension := dypls.BindAXNExtensionRequest{PoolKey: pool, PhoneNoA: numberA, PhoneNoX: simX, Extension: "007", Expiration: expiration}
	axg := dypls.BindAXGRequest{PoolKey: pool, PhoneNoA: numberA, GroupID: "7", PhoneNoX: simX, Expiration: expiration}
	unbind := dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: "1000", SecretNo: simX}
	axnWithoutX, axbWithoutX, extensionWithoutX, axgWithoutX := axn, axb, extension, axg
	axnWithoutX.PhoneNoX, axbWithoutX.PhoneNoX, extensionWithoutX.PhoneNoX, axgWithoutX.PhoneNoX = "", "", "", ""
	noExtension, textGroup, product := extension, axg, unbind
	noExtension.Extension, textGroup.GroupID = "", "g1"
	product.PoolKey, product.ProductType = "", dypls.ProductAXN95
	change := func(operate string) dypls.UpdateSubscriptionRequest {
		return dypls.UpdateSubscriptionRequest{
			PoolKey: pool, SubsID: "1000", PhoneNoX: simX, OperateType: operate, PhoneNoA: numberA, PhoneNoB: numberB, Expiration: expiration,
			GroupID: "7", CallRestrict: dypls.ControlAXDisable, CallDisplayType: 1, OutID: "o", IsRecordingEnabled: new(true), ASRStatus: new(true), ASRModelID: "m",
		}
	}
	recordingWithout, asrWithout := change(dypls.UpdateIsRecordingEnabled), change(dypls.UpdateASR)
	recordingWithout.IsRecordingEnabled, asrWithout.ASRStatus = nil, nil
	toTextGroup := change(dypls.UpdateAXGGroup)
	toTextGroup.GroupID = "g1"

	tests := map[string]struct {
		findability
		want bool
	}{
		"AXN":                               {findabilityOf(dypls.BindAXN, axn), true},
		"AXN, X left to the platform":       {findabilityOf(dypls.BindAXN, axnWithoutX), false},
		"AXB":                               {findabilityOf(dypls.BindAXB, axb), true},
		"AXB, X left to the platform":       {findabilityOf(dypls.BindAXB, axbWithoutX), false},
		"extension":                         {findabilityOf(dypls.BindAXNExtension, extension), true},
		"extension, left to the platform":   {findabilityOf(dypls.BindAXNExtension, noExtension), false},
		"extension, X left to the platform": {findabilityOf(dypls.BindAXNExtension, extensionWithoutX), false},
		"AXG":                               {findabilityOf(dypls.BindAXG, axg), true},
		"AXG, X left to the platform":       {findabilityOf(dypls.BindAXG, axgWithoutX), false},
		"AXG, a group that is no number":    {findabilityOf(dypls.BindAXG, textGroup), false},
		"unbind":                            {findabilityOf(dypls.UnbindSubscription, unbind), true},
		"unbind, product for pool":          {findabilityOf(dypls.UnbindSubscription, product), true},
		"recording":                         {findabilityOf(dypls.QueryRecordFileDownloadURL, record), false},
		"list":                              {findabilityOf(dypls.QuerySubsID, dypls.QuerySubsIDRequest{PoolKey: pool, PhoneNoX: simX}), false},
		dypls.UpdateNoA:                     {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateNoA)), true},
		dypls.UpdateNoB:                     {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateNoB)), true},
		dypls.UpdateExpire:                  {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateExpire)), true},
		dypls.UpdateAXGGroup:                {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateAXGGroup)), true},
		dypls.UpdateCallRestrict:            {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateCallRestrict)), true},
		dypls.UpdateIsRecordingEnabled:      {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateIsRecordingEnabled)), true},
		dypls.UpdateASR:                     {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateASR)), true},
		dypls.UpdateOutID:                   {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateOutID)), false},
		dypls.UpdateCallDisplayType:         {findabilityOf(dypls.UpdateSubscription, change(dypls.UpdateCallDisplayType)), false},
		"updateAxgGroup to text":            {findabilityOf(dypls.UpdateSubscription, toTextGroup), false},
		"updateIsRecordingEnabled unset":    {findabilityOf(dypls.UpdateSubscription, recordingWithout), false},
		"updateAsr unset":                   {findabilityOf(dypls.UpdateSubscription, asrWithout), false},
		"unknown OperateType":               {findabilityOf(dypls.UpdateSubscription, change("updateNoC")), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.findable != tt.want {
				t.Fatalf("Findable = %t", tt.findable)
			}
			if tt.want {
				return
			}
			if finding, err := tt.find(t); finding != dypls.Unknowable || err != nil {
				t.Errorf("Find = %s, %v; want Unknowable", finding, err)
			}
		})
	}
}

// A look-up that fails says nothing about the earlier call: above all not that it did nothing.
func TestFindFails(t *testing.T) {
	t.Parallel()
	const list, one = "QuerySubsId", "QuerySubscriptionDetail"
	garbled := map[string]string{
		"list without SubsId": `{"Code":"OK","Message":"OK"}`, "list of another shape": listing("1000;1001"), "list with a word": listing("1000,none"),
	}
	type failure struct {
		fault dyplstest.Fault
		want  dypls.Class
	}
	tests := map[string]failure{
		"throttled list":       {dyplstest.Fault{Action: list, Code: "isv.FLOW_LIMIT"}, dypls.Throttled},
		"throttled by gateway": {dyplstest.Fault{Action: list, Code: "Throttling.User"}, dypls.Throttled},
		"list out of service":  {dyplstest.Fault{Action: list, Code: "isp.SYSTEM_ERROR"}, dypls.Unavailable},
		"list dropped":         {dyplstest.Fault{Action: list, Do: dyplstest.DropAfter}, dypls.Unavailable},
		"list garbage":         {dyplstest.Fault{Action: list, Do: dyplstest.Garbage}, dypls.Unavailable},
		"list empty":           {dyplstest.Fault{Action: list, Do: dyplstest.Body, Body: " "}, dypls.Unavailable},
		"list denied":          {dyplstest.Fault{Action: list, Code: "isp.RAM_PERMISSION_DENY"}, dypls.Denied},
		"list refused":         {dyplstest.Fault{Action: list, Code: "isv.NO_NOT_EXIST"}, dypls.Rejected},
		"throttled detail":     {dyplstest.Fault{Action: one, Code: "isv.FLOW_LIMIT"}, dypls.Throttled},
		"detail garbage":       {dyplstest.Fault{Action: one, Do: dyplstest.Garbage}, dypls.Unavailable},
		"detail null":          {dyplstest.Fault{Action: one, Do: dyplstest.Body, Body: `null`}, dypls.Unavailable},
		"detail without DTO":   {dyplstest.Fault{Action: one, Do: dyplstest.Body, Body: `{"Code":"OK"}`}, dypls.Unavailable},
		"detail dropped":       {dyplstest.Fault{Action: one, Do: dyplstest.DropBefore}, dypls.Unavailable},
		"detail refused":       {dyplstest.Fault{Action: one, Code: "isv.ILLEGAL_ARGUMENT", Message: "phoneNoX is illegal"}, dypls.Rejected},
	}
	for name, body := range garbled {
		tests[name] = failure{dyplstest.Fault{Action: list, Do: dyplstest.Body, Body: body}, dypls.Unavailable}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dyplstest.Config{})
			since := time.Now()
			request := w.axn()
			made := do(w, dypls.BindAXN, request)
			w.fault(tt.fault)
			got, err := dypls.BindAXN.Find(t.Context(), w, request, since)
			if e, is := errors.AsType[*dypls.Error](err); !is || e.Class != tt.want || e.Action != tt.fault.Action {
				t.Errorf("%v, want class %s of %s", err, tt.want, tt.fault.Action)
			}
			if diff := cmp.Diff(dypls.Sighting[dypls.Binding]{}, got); diff != "" {
				t.Errorf("a sighting beside the error (-want +got):\n%s", diff)
			}
			w.ClearFaults() // and the next look is as good as any
			if got := find(w, dypls.BindAXN, request, since); got.Res.SubsID != made.SubsID {
				t.Errorf("found %+v later", got)
			}
		})
	}
}

// An unbind and an update that cannot be looked up are errors, too.
func TestFindFailsOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	made := do(w, dypls.BindAXN, w.axn())
	w.fault(dyplstest.Fault{Code: "isv.FLOW_LIMIT"})
	unbind, err := dypls.UnbindSubscription.Find(t.Context(), w, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: made.SubsID, SecretNo: simX}, time.Now())
	if e, is := errors.AsType[*dypls.Error](err); !is || e.Class != dypls.Throttled || unbind.Finding != "" {
		t.Errorf("unbind: %+v, %v", unbind, err)
	}
	update, err := dypls.UpdateSubscription.Find(t.Context(), w, w.update(made, dypls.UpdateNoA), time.Now())
	if e, is := errors.AsType[*dypls.Error](err); !is || e.Class != dypls.Throttled || update.Finding != "" {
		t.Errorf("update: %+v, %v", update, err)
	}
}

// TestFindUnbind: only what the API shows to have been on this X, and to be over, is taken to be
// gone.
func TestFindUnbind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	bind := w.axb()
	long := bind.Expiration
	bind.Expiration = dypls.At(time.Now().Add(2 * time.Minute))
	first := do(w, dypls.BindAXB, bind)
	bind.PhoneNoA, bind.PhoneNoB, bind.Expiration = "15000000008", "15800000009", long
	other := do(w, dypls.BindAXB, bind)
	elsewhere := w.axn()
	elsewhere.PhoneNoA, elsewhere.PhoneNoX = "15000000010", "17000000004"
	foreign := do(w, dypls.BindAXN, elsewhere)
	see := func(name, subsID string, want dypls.Finding) {
		t.Helper()
		request := dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: subsID, SecretNo: simX}
		if got := find(w, dypls.UnbindSubscription, request, time.Now()); got.Finding != want {
			t.Errorf("%s: %+v, want %s", name, got, want)
		}
	}
	see("stands", first.SubsID, dypls.Absent)
	see("on another X", foreign.SubsID, dypls.Unknowable)
	see("a digit short", other.SubsID[:len(other.SubsID)-1], dypls.Unknowable)
	see("a leading zero", "0"+other.SubsID, dypls.Unknowable)
	see("zero", "0", dypls.Unknowable)
	do(w, dypls.UnbindSubscription, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: other.SubsID, SecretNo: simX})
	see("removed, and forgotten", other.SubsID, dypls.Unknowable)
	w.shift(3 * time.Minute)
	see("expired", first.SubsID, dypls.Found)
}

// TestFindUnbindBelievesNoHalfAnswer: a detail of another binding, or one that leaves out what
// decides, shows nothing.
func TestFindUnbindBelievesNoHalfAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	made := do(w, dypls.BindAXN, w.axn())
	bound := w.Bindings()[0]
	request := dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: made.SubsID, SecretNo: simX}
	for name, test := range map[string]struct {
		replaced map[string]any
		want     dypls.Finding // "" for an error
	}{
		"over":             {map[string]any{"Status": 0}, dypls.Found},
		"of another X":     {map[string]any{"Status": 0, "PhoneNoX": "17000000004"}, dypls.Unknowable},
		"without X":        {map[string]any{"Status": 0, "PhoneNoX": nil}, dypls.Unknowable},
		"of another":       {map[string]any{"Status": 0, "SubsId": "1"}, dypls.Unknowable},
		"without a status": {map[string]any{"Status": nil}, ""},
	} {
		w.ClearFaults()
		w.fault(dyplstest.Fault{Action: "QuerySubscriptionDetail", Do: dyplstest.Body, Body: detail(t, bound, test.replaced)})
		got, err := dypls.UnbindSubscription.Find(t.Context(), w, request, time.Now())
		if got.Finding != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, test.want)
		}
	}
}
