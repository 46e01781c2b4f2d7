package aliyun_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// One call, now, to a server that stands for the API.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"Code":"OK","Message":"OK","RequestId":"8906582E-6722","SecretBindDTO":{"SubsId":"100000","SecretNo":"17000000000"}}`)
	}))
	defer server.Close()

	client, err := aliyun.New(aliyun.Config{
		Endpoint:    server.URL,                                     // leave it out for the API itself
		Credentials: aliyun.StaticCredentials("test", "secret", ""), // and these for Alibaba's default chain
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()

	binding, err := dypls.BindAXN.Call(context.Background(), client, dypls.BindAXNRequest{
		PoolKey:    "FC100000000001",
		PhoneNoA:   "15000000000",
		Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	fmt.Println(binding.SubsID, binding.SecretNo, err)
	// Output: 100000 170****0000 <nil>
}

// What a failure says, and what follows from it.
func Example_failure() {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens there any more
	client, err := aliyun.New(aliyun.Config{Endpoint: server.URL, Credentials: aliyun.StaticCredentials("test", "secret", "")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()

	_, err = client.Call(context.Background(), dypls.Call{Action: "BindAxn", Mutates: true})
	failure, _ := errors.AsType[*dypls.Error](err)
	switch failure.Code {
	case dypls.CodeNotSent:
		fmt.Println("nothing has left: call again")
	case dypls.CodeNoAnswer:
		fmt.Println("it may have been done: look before calling again")
	}
	// Output: nothing has left: call again
}
