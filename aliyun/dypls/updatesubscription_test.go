package dypls_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestUpdateSubscriptionNeedsWhatItChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		give    func(*dypls.UpdateSubscriptionRequest)
		operand string
	}{
		dypls.UpdateNoA:                {func(r *dypls.UpdateSubscriptionRequest) { r.PhoneNoA = numberA }, "PhoneNoA"},
		dypls.UpdateNoB:                {func(r *dypls.UpdateSubscriptionRequest) { r.PhoneNoB = numberB }, "PhoneNoB"},
		dypls.UpdateExpire:             {func(r *dypls.UpdateSubscriptionRequest) { r.Expiration = expiration }, "Expiration"},
		dypls.UpdateAXGGroup:           {func(r *dypls.UpdateSubscriptionRequest) { r.GroupID = "g1" }, "GroupId"},
		dypls.UpdateCallRestrict:       {func(r *dypls.UpdateSubscriptionRequest) { r.CallRestrict = dypls.ControlClearDisable }, "CallRestrict"},
		dypls.UpdateCallDisplayType:    {func(r *dypls.UpdateSubscriptionRequest) { r.CallDisplayType = 1 }, "CallDisplayType"},
		dypls.UpdateOutID:              {func(r *dypls.UpdateSubscriptionRequest) { r.OutID = "order-42" }, "OutId"},
		dypls.UpdateIsRecordingEnabled: {func(r *dypls.UpdateSubscriptionRequest) { r.IsRecordingEnabled = new(false) }, "IsRecordingEnabled"},
		dypls.UpdateASR:                {func(r *dypls.UpdateSubscriptionRequest) { r.ASRStatus = new(false) }, "ASRStatus"},
	}
	for operateType, tt := range tests {
		t.Run(operateType, func(t *testing.T) {
			t.Parallel()
			request := dypls.UpdateSubscriptionRequest{PoolKey: "FC1", SubsID: "1000", PhoneNoX: numberX, OperateType: operateType}
			want := []string{tt.operand + " is required by OperateType " + operateType}
			if diff := cmp.Diff(want, rulesOf(t, request.Validate())); diff != "" {
				t.Errorf("without its operand (-want +got):\n%s", diff)
			}
			tt.give(&request)
			if err := dypls.ValidateAt(request, before); err != nil {
				t.Errorf("with its operand: %v", err)
			}
		})
	}
}

// The model is asked for only where speech recognition is switched on.
func TestUpdateSubscriptionASRModel(t *testing.T) {
	t.Parallel()
	request := dypls.UpdateSubscriptionRequest{
		PoolKey: "FC1", SubsID: "1000", PhoneNoX: numberX, OperateType: dypls.UpdateASR, ASRStatus: new(true),
	}
	want := []string{"ASRModelId is required where ASRStatus is true"}
	if diff := cmp.Diff(want, rulesOf(t, request.Validate())); diff != "" {
		t.Errorf("on, without a model (-want +got):\n%s", diff)
	}
	request.ASRModelID = "m1"
	if err := request.Validate(); err != nil {
		t.Errorf("on, with a model: %v", err)
	}
}
