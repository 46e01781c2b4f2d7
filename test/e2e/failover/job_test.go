package failover

import (
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// farAway is when all bindings expire.
var farAway = time.Date(2099, time.January, 31, 23, 59, 59, 0, time.UTC)

// ownPools have inventories. Each is in one slot of a cluster, and of three that follow each other
// each master has one.
var ownPools = []string{systemtest.OwnPool, "FC100000000005", "FC100000000006"}

// loadPool is poolOf, with an inventory in several pools.
func loadPool(n int) string {
	pool := systemtest.PoolOf(n)
	if pool == systemtest.OwnPool {
		pool = ownPools[n/4%len(ownPools)]
	}
	return pool
}

const jobPrefix = "job-"

func jobID(n int64) string { return fmt.Sprint(jobPrefix, n) }

func (l *load) request(n int64) dypls.BindAXNRequest {
	r := dypls.BindAXNRequest{PoolKey: loadPool(int(n)), PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", n)), Expiration: dypls.At(farAway)}
	if r.PoolKey == systemtest.NamedPool {
		r.PhoneNoX = l.named[n/2]
	}
	return r
}
