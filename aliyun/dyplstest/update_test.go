package dyplstest_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		more  params
		code  string
		check func(dyplstest.Binding) bool
	}{
		"A":         {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003"}, "OK", func(b dyplstest.Binding) bool { return b.PhoneNoA == "15000000003" }},
		"same A":    {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000001"}, "OK", func(b dyplstest.Binding) bool { return b.PhoneNoA == "15000000001" }},
		"B":         {params{"OperateType": dypls.UpdateNoB, "PhoneNoB": "95188"}, "OK", func(b dyplstest.Binding) bool { return b.PhoneNoB == "95188" }},
		"expiry":    {params{"OperateType": dypls.UpdateExpire, "Expiration": "2026-11-23 00:00:00"}, "OK", func(b dyplstest.Binding) bool { return dypls.At(b.ExpiresAt).String() == "2026-11-23 00:00:00" }},
		"restrict":  {params{"OperateType": dypls.UpdateCallRestrict, "CallRestrict": dypls.ControlAXDisable}, "OK", func(b dyplstest.Binding) bool { return b.CallRestrict == dypls.ControlAXDisable }},
		"clear":     {params{"OperateType": dypls.UpdateCallRestrict, "CallRestrict": dypls.ControlClearDisable}, "OK", func(b dyplstest.Binding) bool { return b.CallRestrict == "" }},
		"display":   {params{"OperateType": dypls.UpdateCallDisplayType, "CallDisplayType": "1"}, "OK", func(b dyplstest.Binding) bool { return b.CallDisplayType == "1" }},
		"OutId":     {params{"OperateType": dypls.UpdateOutID, "OutId": "o"}, "OK", func(b dyplstest.Binding) bool { return b.OutID == "o" }},
		"recording": {params{"OperateType": dypls.UpdateIsRecordingEnabled, "IsRecordingEnabled": "true"}, "OK", func(b dyplstest.Binding) bool { return b.IsRecordingEnabled }},
		"ASR":       {params{"OperateType": dypls.UpdateASR, "ASRStatus": "true", "ASRModelId": "m"}, "OK", func(b dyplstest.Binding) bool { return b.ASRStatus && b.ASRModelID == "m" }},
		"ASR off":   {params{"OperateType": dypls.UpdateASR, "ASRStatus": "false"}, "OK", func(b dyplstest.Binding) bool { return !b.ASRStatus }},

		"A that X knows":       {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000004"}, "isv.UPDATE_CONFLICT", nil},
		"B that is A":          {params{"OperateType": dypls.UpdateNoB, "PhoneNoB": "15000000001"}, "isv.UPDATE_CONFLICT", nil},
		"group of a pair":      {params{"OperateType": dypls.UpdateAXGGroup, "GroupId": "7"}, "isv.FORBIDDEN_ACTION", nil},
		"malformed A":          {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "1"}, "isv.MOBILE_NUMBER_ILLEGAL", nil},
		"expiry too soon":      {params{"OperateType": dypls.UpdateExpire, "Expiration": "2026-11-22 14:51:42"}, "isv.EXPIRE_DATE_ILLEGAL", nil},
		"no operand":           {params{"OperateType": dypls.UpdateNoA}, "isv.ILLEGAL_ARGUMENT", nil},
		"ASR without model":    {params{"OperateType": dypls.UpdateASR, "ASRStatus": "true"}, "isv.ILLEGAL_ARGUMENT", nil},
		"unknown operation":    {params{"OperateType": "updateNoC"}, "isv.ILLEGAL_ARGUMENT", nil},
		"no operation":         {nil, "MissingOperateType", nil},
		"unknown SubsId":       {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "SubsId": "1"}, "isv.SUBS_NOT_EXIST", nil},
		"SubsId of another X":  {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "PhoneNoX": x1}, "isv.SUBS_NOT_EXIST", nil},
		"X of another pool":    {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "PhoneNoX": otherX}, "isv.FORBIDDEN_ACTION", nil},
		"unknown pool":         {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "PoolKey": "FC9"}, "isv.POOLKEY_NOT_EXISTS", nil},
		"neither pool":         {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "PoolKey": ""}, "isv.ILLEGAL_ARGUMENT", nil},
		"product for the pool": {params{"OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003", "PoolKey": "", "ProductType": dypls.ProductAXB170}, "OK", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, twoPools())
			subs := b.want("OK", "BindAxb", b.pair(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
			b.want("OK", "BindAxb", b.pair(params{"PhoneNoX": x0, "PhoneNoA": "15000000004", "PhoneNoB": "15000000005"}))
			before := b.Bindings()[0]
			b.want(test.code, "UpdateSubscription", params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "PhoneNoX": x0}.with(test.more))
			after := b.Bindings()[0]
			if test.code != "OK" && before != after {
				t.Errorf("a refused update changed %#v to %#v", before, after)
			}
			if test.check != nil && !test.check(after) {
				t.Errorf("it is %#v now", after)
			}
		})
	}
}

func TestUpdateSetsTheOldNumberFree(t *testing.T) {
	t.Parallel()
	b := setup(t, twoPools())
	subs := b.want("OK", "BindAxb", b.pair(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
	b.want("OK", "UpdateSubscription", params{
		"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "PhoneNoX": x0, "OperateType": dypls.UpdateNoA, "PhoneNoA": "15000000003",
	})
	b.want("isv.BIND_CONFLICT", "BindAxb", b.pair(params{"PhoneNoX": x0, "PhoneNoA": "15000000003", "PhoneNoB": "15000000004"}))
	b.want("OK", "BindAxb", b.pair(params{"PhoneNoX": x0, "PhoneNoB": "15000000004"}))
}

func TestUpdateOfTheGroup(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	made := b.want("OK", "BindAxg", b.axn(params{"GroupId": "7"})).SecretBindDTO
	subscription := params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": made.SubsId, "PhoneNoX": made.SecretNo}
	b.want("OK", "UpdateSubscription", subscription.with(params{"OperateType": dypls.UpdateAXGGroup, "GroupId": "12"}))
	if got := b.want("OK", "QuerySubscriptionDetail", subscription).SecretBindDetailDTO.GroupID; got != 12 {
		t.Errorf("GroupId %d, want 12", got)
	}
}

func TestUpdateOfTheExpiryReorders(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	ids := []string{}
	for i, phone := range dyplstest.Numbers("170", 10) {
		ids = append(ids, b.want("OK", "BindAxn", b.axn(params{"PhoneNoX": string(phone), "Expiration": b.in(time.Duration(i+1) * time.Hour)})).SecretBindDTO.SubsId)
	}
	b.want("OK", "UpdateSubscription", params{
		"PoolKey": dyplstest.DefaultPoolKey, "SubsId": ids[0], "PhoneNoX": x0, "OperateType": dypls.UpdateExpire, "Expiration": b.in(20 * time.Hour),
	})
	b.advance(10 * time.Hour)
	if left := b.Bindings(); len(left) != 1 || left[0].SubsID != ids[0] {
		t.Errorf("%d bindings are left: %v", len(left), left)
	}
}
