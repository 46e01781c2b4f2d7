package tasks

import (
	"cmp"
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// explainBreaker says where a task waits because calls like its own are held for all workers.
func (q *Queue) explainBreaker(ctx context.Context, e *Explanation, d record.Detail) error {
	if d.State.Told() || d.State.Running() && d.Claim.After(d.Now) || e.Delivery.Paused ||
		e.Delivery.Servers == 0 {
		return nil
	}
	open, err := breakers.Read(ctx, q.redis, cmp.Or(d.Account, DefaultAccount))
	if err != nil {
		return err
	}
	pool, lookedUp := holdsOf(d.Record)
	for _, b := range open {
		switch b.Scope {
		case breakers.Account, breakers.Action + d.Action, breakers.Pool + pool:
			e.because(whyDenied, b.Scope, b.Code, b.For.Round(time.Second).String())
			e.remedy(remedyCode, b.Code)
		case breakers.Endpoint:
			if lookedUp {
				continue
			}
			e.because(whyNotTheAPI, b.For.Round(time.Second).String())
			e.remedy(remedyEndpoint)
		}
	}
	return nil
}

// holdsOf tells what decides which breakers hold a task: its pool, and whether its effect could be
// looked up, or its call made again.
func holdsOf(r record.Record) (pool string, lookedUp bool) {
	kind, known := Lookup(r.Action)
	if !known || len(r.Request) == 0 {
		return "", true
	}
	item, err := kind.Decode(r.Request)
	if err != nil {
		return "", true
	}
	parameters := dypls.ParametersOf(item.Request)
	lookedUp = kind.policy.Queue != binding.Queue || parameters.Value("PhoneNoX") != ""
	return parameters.Value("PoolKey"), lookedUp
}
