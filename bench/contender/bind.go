package contender

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

const idPrefix = "order-"

// ID is the key of a task. It travels to the API as OutId.
func ID(i int) string { return fmt.Sprintf("%s%d", idPrefix, i) }

var expiration = time.Date(2099, 1, 31, 15, 59, 59, 0, time.UTC)

// bind is the i-th request: no two are of one A.
func bind(i int) dypls.BindAXNRequest {
	return dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", i)),
		Expiration: dypls.At(expiration),
	}
}

// handBind is the same for the hand-rolled script.
func handBind(i int) handrolled.BindRequest {
	req := bind(i)
	return handrolled.BindRequest{
		PoolKey: req.PoolKey, PhoneNoA: string(req.PhoneNoA), Expiration: req.Expiration.String(),
	}
}

func (s Site) host() string { return strings.TrimPrefix(s.Endpoint, "http://") }
