package dypls_test

import (
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Numbers that nobody has. Their middles are what must never be seen.
const (
	numberA dypls.Phone = "15000000001"
	numberB dypls.Phone = "15800000002"
	numberX dypls.Phone = "17000000003"
)

// Instants as a program has them: in the zone of the host, whatever that is.
var (
	expiration = dypls.At(time.Unix(1795343400, 0)) // 2026-11-22 10:30:00 UTC
	callTime   = dypls.At(time.UnixMilli(1629893489000))
)

// A sample is one action with every parameter set, and with no more than it insists on.
type sample struct {
	full, minimal dypls.Request
	decode        func(data []byte) (dypls.Request, error)
}

func sampleOf[Req dypls.Request, Res any](_ dypls.Operation[Req, Res], full, minimal Req) sample {
	return sample{full, minimal, func(data []byte) (dypls.Request, error) { return dypls.DecodeRequest[Req](data) }}
}

var samples = map[string]sample{
	"BindAxb": sampleOf(dypls.BindAXB, dypls.BindAXBRequest{
		PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Expiration: expiration,
		ExpectCity: "北京", IsRecordingEnabled: true, OutID: "order-42", OutOrderID: "o/42", CallRestrict: dypls.ControlAXDisable,
		CallDisplayType: 1, CallTimeout: 15, RingConfig: `{"AXBRing_A":"101"}`, DTMFConfig: `{"maxLoop":5}`, ASRStatus: true, ASRModelID: "m1",
	}, dypls.BindAXBRequest{PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, Expiration: expiration}),
	"BindAxn": sampleOf(dypls.BindAXN, dypls.BindAXNRequest{
		PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Expiration: expiration,
		ExpectCity: "北京", IsRecordingEnabled: true, OutID: "order-42", OutOrderID: "o/42", CallRestrict: dypls.ControlBXDisable,
		CallDisplayType: 1, CallTimeout: 20, RingConfig: `{"AXNRing_A":"101"}`, ASRStatus: true, ASRModelID: "m1", NoType: "AXN", Extend: "e",
	}, dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: numberA, Expiration: expiration}),
	"BindAxnExtension": sampleOf(dypls.BindAXNExtension, dypls.BindAXNExtensionRequest{
		PoolKey: "FC1", PhoneNoA: numberA, PhoneNoB: numberB, PhoneNoX: numberX, Extension: "007", Expiration: expiration,
		ExpectCity: "北京", IsRecordingEnabled: true, OutID: "order-42", OutOrderID: "o/42", CallRestrict: dypls.ControlClearDisable,
		CallDisplayType: 1, RingConfig: `{"AXNRing_N":"101"}`, ASRStatus: true, ASRModelID: "m1", Extend: "e",
	}, dypls.BindAXNExtensionRequest{PoolKey: "FC1", PhoneNoA: numberA, Expiration: expiration}),
	"BindAxg": sampleOf(dypls.BindAXG, dypls.BindAXGRequest{
		PoolKey: "FC1", PhoneNoA: numberA, GroupID: "g1", PhoneNoB: numberB, PhoneNoX: numberX, Expiration: expiration,
		ExpectCity: "北京", IsRecordingEnabled: true, OutID: "order-42", OutOrderID: "o/42", CallRestrict: dypls.ControlAXDisable,
		CallDisplayType: 1, RingConfig: `{"AXGRing_G":"101"}`, ASRStatus: true, ASRModelID: "m1",
	}, dypls.BindAXGRequest{PoolKey: "FC1", PhoneNoA: numberA, GroupID: "g1", Expiration: expiration}),
	"UnbindSubscription": sampleOf(dypls.UnbindSubscription,
		dypls.UnbindSubscriptionRequest{PoolKey: "FC1", ProductType: dypls.ProductAXB170, SubsID: "1000", SecretNo: numberX},
		dypls.UnbindSubscriptionRequest{ProductType: dypls.ProductAXN95, SubsID: "1000", SecretNo: numberX}),
	"UpdateSubscription": sampleOf(dypls.UpdateSubscription, dypls.UpdateSubscriptionRequest{
		PoolKey: "FC1", ProductType: dypls.ProductAXN170, SubsID: "1000", PhoneNoX: numberX, OperateType: dypls.UpdateNoA,
		PhoneNoA: numberA, PhoneNoB: numberB, Expiration: expiration, GroupID: "g1", CallRestrict: dypls.ControlClearDisable,
		CallDisplayType: 1, OutID: "order-42", IsRecordingEnabled: new(false), RingConfig: `{"AXNRing_A":"101"}`, ASRStatus: new(true), ASRModelID: "m1",
	}, dypls.UpdateSubscriptionRequest{PoolKey: "FC1", SubsID: "1000", PhoneNoX: numberX, OperateType: dypls.UpdateOutID, OutID: "order-42"}),
	"QuerySubscriptionDetail": sampleOf(dypls.QuerySubscriptionDetail,
		dypls.QuerySubscriptionDetailRequest{PoolKey: "FC1", ProductType: dypls.ProductAXNExtensionReuse, SubsID: "1000", PhoneNoX: numberX},
		dypls.QuerySubscriptionDetailRequest{PoolKey: "FC1", SubsID: "1000", PhoneNoX: numberX}),
	"QuerySubsId": sampleOf(dypls.QuerySubsID,
		dypls.QuerySubsIDRequest{PoolKey: "FC1", PhoneNoX: numberX},
		dypls.QuerySubsIDRequest{PoolKey: "FC1", PhoneNoX: numberX}),
	"QueryRecordFileDownloadUrl": sampleOf(dypls.QueryRecordFileDownloadURL,
		dypls.QueryRecordFileDownloadURLRequest{PoolKey: "FC1", ProductType: dypls.ProductAXB170, CallID: "c1", CallTime: callTime},
		dypls.QueryRecordFileDownloadURLRequest{PoolKey: "FC1", CallID: "c1", CallTime: callTime}),
	"GetTotalPublicUrl": sampleOf(dypls.GetTotalPublicURL,
		dypls.GetTotalPublicURLRequest{PartnerKey: "FC1", CallID: "c1", CallTime: callTime, CheckSubs: true},
		dypls.GetTotalPublicURLRequest{PartnerKey: "FC1", CallID: "c1", CallTime: callTime}),
	"GetSecretAsrDetail": sampleOf(dypls.GetSecretASRDetail,
		dypls.GetSecretASRDetailRequest{PoolKey: "FC1", CallID: "c1", CallTime: callTime},
		dypls.GetSecretASRDetailRequest{PoolKey: "FC1", CallID: "c1", CallTime: callTime}),
	"QuerySecretNoDetail": sampleOf(dypls.QuerySecretNoDetail,
		dypls.QuerySecretNoDetailRequest{PoolKey: "FC1", SecretNo: numberX},
		dypls.QuerySecretNoDetailRequest{PoolKey: "FC1", SecretNo: numberX}),
	"QuerySecretNoRemain": sampleOf(dypls.QuerySecretNoRemain,
		dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecCarrier, City: "杭州", SecretNo: "170"},
		dypls.QuerySecretNoRemainRequest{SpecID: dypls.SpecVirtual, City: dypls.CityNationalList}),
	"LockSecretNo": sampleOf(dypls.LockSecretNo,
		dypls.LockSecretNoRequest{PoolKey: "FC1", SecretNo: numberX},
		dypls.LockSecretNoRequest{PoolKey: "FC1", SecretNo: numberX}),
	"UnlockSecretNo": sampleOf(dypls.UnlockSecretNo,
		dypls.UnlockSecretNoRequest{PoolKey: "FC1", SecretNo: numberX},
		dypls.UnlockSecretNoRequest{PoolKey: "FC1", SecretNo: numberX}),
	"CreateAxgGroup": sampleOf(dypls.CreateAXGGroup,
		dypls.CreateAXGGroupRequest{PoolKey: "FC1", Name: "team 1", Numbers: []dypls.Phone{numberA, numberB}, Remark: "on call"},
		dypls.CreateAXGGroupRequest{PoolKey: "FC1"}),
	"OperateAxgGroup": sampleOf(dypls.OperateAXGGroup,
		dypls.OperateAXGGroupRequest{PoolKey: "FC1", GroupID: "2000000000001", OperateType: dypls.AddNumbers, Numbers: []dypls.Phone{numberA, numberB}},
		dypls.OperateAXGGroupRequest{PoolKey: "FC1", GroupID: "7", OperateType: dypls.OverwriteNumbers, Numbers: []dypls.Phone{"95013"}}),
	"DeleteAxgGroup": sampleOf(dypls.DeleteAXGGroup,
		dypls.DeleteAXGGroupRequest{PoolKey: "FC1", GroupID: "2000000000001"},
		dypls.DeleteAXGGroupRequest{PoolKey: "FC1", GroupID: "7"}),
	"BindBatchAxg": sampleOf(dypls.BindBatchAXG, dypls.BindBatchAXGRequest{PoolKey: "FC1", AxgBindList: []dypls.AXGBind{
		{
			PhoneNoA: numberA, GroupID: "g1", PhoneNoB: numberB, PhoneNoX: numberX, Expiration: expiration,
			ExpectCity: "北京", IsRecordingEnabled: true, OutID: "order-42", OutOrderID: "o/42", CallRestrict: dypls.ControlAXDisable,
			CallDisplayType: 1, RingConfig: `{"AXGRing_G":"101"}`, ASRStatus: true, ASRModelID: "m1",
		},
		{PhoneNoA: numberB, GroupID: "g1", Expiration: expiration},
	}}, dypls.BindBatchAXGRequest{PoolKey: "FC1", AxgBindList: []dypls.AXGBind{{PhoneNoA: numberA, GroupID: "g1", Expiration: expiration}}}),
	"QueryTokenForMnsQueue": sampleOf(dypls.QueryTokenForMNSQueue,
		dypls.QueryTokenForMNSQueueRequest{MessageType: dypls.TypeSecretReport, QueueName: "Alicom-Queue-1-SecretReport"},
		dypls.QueryTokenForMNSQueueRequest{MessageType: dypls.TypeSecretReport, QueueName: "Alicom-Queue-1-SecretReport"}),
}
