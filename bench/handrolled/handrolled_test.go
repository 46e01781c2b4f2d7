package handrolled

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestNothingGoesWrong: without faults every bind is made once, and its caller is told.
func TestNothingGoesWrong(t *testing.T) {
	t.Parallel()
	const count = 20
	redis := redistest.Start(t)
	sim := dyplstest.Start(t, dyplstest.Config{})
	api, err := NewAPI(APIConfig{strings.TrimPrefix(sim.URL(), "http://"), "HTTP", sim.AccessKeyID, sim.AccessKeySecret})
	if err != nil {
		t.Fatal(err)
	}
	worker := NewWorker(redis.Addr, api, Concurrency)
	if err := worker.server.Start(worker.mux); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.server.Shutdown)
	producer := NewProducer(redis.Addr)
	t.Cleanup(func() { _ = producer.Close() })

	for i := range count {
		req := BindRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: fmt.Sprintf("139%08d", i), Expiration: "2099-01-31 23:59:59"}
		for range 2 { // the second time it is there already
			if err := producer.Enqueue(t.Context(), fmt.Sprint("order-", i), req); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range count {
		id := fmt.Sprint("order-", i)
		var binding Binding
		redistest.Poll(t, time.Minute, id, func(context.Context) (err error) {
			binding, err = producer.Result(id)
			return err
		})
		if binding.SubsID == "" || binding.SecretNo == "" {
			t.Errorf("%s: %+v", id, binding)
		}
	}
	if calls := len(sim.Ledger()); calls != count {
		t.Errorf("%d calls for %d binds", calls, count)
	}
}
