package worker

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// notedCaller tells the caller below when the call was noted in the record, and keeps what the record wants to know
// of its answer.
type notedCaller struct {
	dypls.Caller

	noted     time.Time
	observer  Observer
	called    bool
	requestID string
}

// Call implements [dypls.Caller].
func (c *notedCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	call.Noted = c.noted
	c.called = true
	left := time.Now()
	answer, err := c.Caller.Call(ctx, call)
	c.observer.Called(call.Action, time.Since(left))
	c.requestID = answer.RequestID
	return answer, err
}
