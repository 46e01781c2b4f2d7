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
		e.Why = "no running worker knows its account " + d.Account + ": it is held in its queue for one that does, until its time is over"
		e.Remedy, e.Until = "start one that does: dyplsq worker --account "+d.Account, time.Time{}
	case slices.Contains(accounts.Missing, d.Account):
		e.Why += "; some workers do not know its account " + d.Account + ", and leave it to the others"
		e.Remedy = "give every worker --account " + d.Account
	}
	return nil
}
