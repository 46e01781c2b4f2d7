package dypls_test

import (
	"encoding/json"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

const pool = dyplstest.DefaultPoolKey

// simX is one of the simulator's numbers.
const simX dypls.Phone = "17000000003"

// A world is the simulated API behind real HTTP, with a client of it. Its clock can be moved some
// minutes away from ours, not more than a signature bears.
type world struct {
	*dyplstest.Server
	*aliyun.Client
	t      *testing.T
	offset *atomic.Int64
}

func newWorld(t *testing.T, c dyplstest.Config) world {
	t.Helper()
	w := world{t: t, offset: new(atomic.Int64)}
	c.Now = w.now
	w.Server = dyplstest.Start(t, c)
	client, err := aliyun.New(aliyun.Config{
		Endpoint: w.URL(), Credentials: aliyun.StaticCredentials(w.AccessKeyID, w.AccessKeySecret, w.SecurityToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	w.Client = client
	return w
}

func (w world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

// shift sets how far the API's clock is from ours.
func (w world) shift(d time.Duration) { w.offset.Store(int64(d)) }

// fault makes calls fail from now on.
func (w world) fault(f dyplstest.Fault) {
	w.t.Helper()
	if err := w.AddFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// details counts the details of bindings that were asked for.
func (w world) details() int {
	n := 0
	for _, e := range w.Ledger() {
		if e.Action == "QuerySubscriptionDetail" {
			n++
		}
	}
	return n
}

// do performs an operation, which must succeed.
func do[Req dypls.Request, Res any](w world, o dypls.Operation[Req, Res], req Req) Res {
	w.t.Helper()
	res, err := o.Call(w.t.Context(), w, req)
	if err != nil {
		w.t.Fatalf("%s: %v", o.Action, err)
	}
	return res
}

// find looks, which must succeed.
func find[Req dypls.Request, Res any](w world, o dypls.Operation[Req, Res], req Req, since time.Time) dypls.Sighting[Res] {
	w.t.Helper()
	sighting, err := o.Find(w.t.Context(), w, req, since)
	if err != nil {
		w.t.Fatalf("Find of %s: %v", o.Action, err)
	}
	return sighting
}

// detail is the answer of QuerySubscriptionDetail about a binding, with some of its fields
// replaced; nil removes one.
func detail(t *testing.T, b dyplstest.Binding, replaced map[string]any) string {
	t.Helper()
	dto := map[string]any{
		"SubsId": b.SubsID, "PhoneNoA": b.PhoneNoA, "PhoneNoB": b.PhoneNoB, "PhoneNoX": b.PhoneNoX, "Status": 1,
		"ExpireDate": dypls.At(b.ExpiresAt), "GmtCreate": dypls.At(b.CreatedAt), "Extension": b.Extension,
	}
	maps.Copy(dto, replaced)
	body, err := json.Marshal(map[string]any{"Code": dypls.CodeOK, "Message": "OK", "RequestId": "8906582E-6722", "SecretBindDetailDTO": dto})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// listing is the answer of QuerySubsId.
func listing(ids string) string {
	return `{"Code":"OK","Message":"OK","RequestId":"8906582E-6722","SubsId":"` + ids + `"}`
}
