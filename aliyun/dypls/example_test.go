package dypls_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// answering stands in for the client of package aliyun: it answers each action with the same body.
type answering struct{ code, body string }

func (a answering) Call(_ context.Context, call dypls.Call) (dypls.Answer, error) {
	fmt.Println(call.Action, call.Parameters.Value("PoolKey"))
	return dypls.Answer{Status: 200, Code: a.code, RequestID: "8906582E-6722", Body: []byte(a.body)}, nil
}

func ExampleOperation_Call() {
	client := answering{"OK", `{"Code":"OK","SecretBindDTO":{"SubsId":"1000000000000001","SecretNo":"17000000000","Extension":""}}`}

	binding, err := dypls.BindAXN.Call(context.Background(), client, dypls.BindAXNRequest{
		PoolKey:    "FC100000000001",
		PhoneNoA:   "15000000000",
		Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(binding.SubsID, binding.SecretNo) // printed, a number is masked
	// Output:
	// BindAxn FC100000000001
	// 1000000000000001 170****0000
}

func ExampleOperation_Call_error() {
	client := answering{"isv.NO_AVAILABLE_NUMBER", `{"Code":"isv.NO_AVAILABLE_NUMBER"}`}

	_, err := dypls.BindAXN.Call(context.Background(), client, dypls.BindAXNRequest{
		PoolKey:    "FC100000000001",
		PhoneNoA:   "15000000000",
		Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if failure, is := errors.AsType[*dypls.Error](err); is && failure.Class == dypls.Exhausted {
		fmt.Println("buy more numbers:", err)
	}
	// Output:
	// BindAxn FC100000000001
	// buy more numbers: BindAxn: isv.NO_AVAILABLE_NUMBER (Exhausted) [RequestId 8906582E-6722]
}

// One bind of a batch fails, and the other is made all the same: its result
// is there beside the error.
func ExamplePartialError() {
	client := answering{"OK", `{"Code":"OK","SecretBindList":{"SecretBind":[
		{"Code":"isv.BIND_CONFLICT","Message":"isv.BIND_CONFLICT","PhoneNoA":"15000000000"},
		{"Code":"OK","Message":"OK","SubsId":"1000000000000001","SecretNo":"17000000000","PhoneNoA":"15000000001"}]}}`}
	bind := dypls.AXGBind{PhoneNoA: "15000000000", GroupID: "2000000000001", Expiration: dypls.At(time.Now().Add(time.Hour))}
	other := bind
	other.PhoneNoA = "15000000001"

	batch, err := dypls.BindBatchAXG.Call(context.Background(), client, dypls.BindBatchAXGRequest{
		PoolKey: "FC100000000001", AxgBindList: []dypls.AXGBind{bind, other},
	})
	fmt.Println(err)
	if partial, is := errors.AsType[*dypls.PartialError](err); is {
		for _, item := range partial.Items {
			fmt.Println("failed:", batch.SecretBindList[item.Index].PhoneNoA, item.Err.Class)
		}
	}
	fmt.Println("made:", batch.SecretBindList[1].Binding().SubsID)
	// Output:
	// BindBatchAxg FC100000000001
	// BindBatchAxg: 1 of 2 failed: 1 isv.BIND_CONFLICT (Rejected)
	// failed: 150****0000 Rejected
	// made: 1000000000000001
}

// The answer of a bind was lost. Whether it took effect can be told, because the request named X.
func ExampleOperation_Find() {
	client := answering{"OK", `{"Code":"OK","SubsId":"1000000000000001","SecretBindDetailDTO":{"SubsId":"1000000000000001","Status":1,
		"PhoneNoA":"15000000000","PhoneNoX":"17000000000","ExpireDate":"2026-11-22 18:30:00","GmtCreate":"2026-11-22 14:50:42"}}`}
	expiration, _ := dypls.ParseTime("2026-11-22 18:30:00")
	firstCall := expiration.Add(-4 * time.Hour)

	request := dypls.BindAXNRequest{PoolKey: "FC100000000001", PhoneNoA: "15000000000", PhoneNoX: "17000000000", Expiration: expiration}
	seen, err := dypls.BindAXN.Find(context.Background(), client, request, firstCall)
	if err != nil {
		fmt.Println("look again later:", err)
		return
	}
	fmt.Println(seen.Finding, seen.Res.SubsID)

	request.PhoneNoX = "" // left to the platform
	fmt.Println(dypls.BindAXN.Findable(request))
	// Output:
	// QuerySubsId FC100000000001
	// QuerySubscriptionDetail FC100000000001
	// Found 1000000000000001
	// false
}

func ExampleValidateAt() {
	expiration, _ := dypls.ParseTime("2026-11-22 18:30:00") // Beijing time
	request := dypls.BindAXNRequest{PoolKey: "FC100000000001", PhoneNoA: "+86 150 0000 0000", Expiration: expiration}

	err := dypls.ValidateAt(request, expiration.Add(-30*time.Second))

	invalid, _ := errors.AsType[*dypls.ValidationError](err)
	for _, problem := range invalid.Problems {
		fmt.Println(problem)
	}
	// Output:
	// PhoneNoA must be a mobile number of 11 digits or a landline number with area code, digits only: write it without +86, hyphens and spaces
	// Expiration must be more than 60 s ahead (Beijing time): take a later time
}

func ExampleDecodeRequest() {
	_, err := dypls.DecodeRequest[dypls.BindAXNRequest]([]byte(
		`{"PoolKey":"FC100000000001","PhoneNumberA":"15000000000","Expiration":"2026-11-22 18:30:00","CallTimeout":"15"}`))
	fmt.Println(err)
	// Output:
	// 2 problems: "PhoneNumberA" is not a parameter of this action: did you mean PhoneNoA?; CallTimeout must be an integer: write it without quotes
}

func ExampleLookupCode() {
	info, _ := dypls.LookupCode("isv.BIND_CONFLICT")
	fmt.Println(info.Class, info.Chinese, info.Does)
	// Output:
	// Rejected 绑定冲突 fails at once; never repeated
}
