package tasks

import (
	"context"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// explainAccount says where a task waits because no worker knows its account.
func (q *Queue) explainAccount(ctx context.Context, e *Explanation, d record.Detail) error {
	if d.Account == "" || d.State.Told() || d.State.Running() && d.Claim.After(d.Now) ||
		e.Delivery.Paused ||
		e.Delivery.Servers == 0 {
		return nil
	}
	accounts, err := presence.Read(ctx, q.redis)
	switch {
	case err != nil:
		return err
	case !slices.Contains(accounts.Known, d.Account):
		e.Reasons, e.Until = nil, time.Time{}
		e.because(whyNoAccount, d.Account)
		e.remedy(remedyAccount, d.Account)
	case slices.Contains(accounts.Missing, d.Account):
		e.because(whyAccountMissing, d.Account)
		e.remedy(remedyEachAccount, d.Account)
	}
	return nil
}
