package tasks

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// tellBound tells the inventory, where there is one, of a binding that somebody says exists, before
// the record is told: then no crash in between leaves its number to be given to others.
func (q *Queue) tellBound(
	ctx context.Context,
	r record.Record,
	resolution record.Resolution,
) error {
	if used, err := q.numbers.InUse(ctx); err != nil || !used || r.State != record.Uncertain ||
		resolution.State != record.Succeeded {
		return err
	}
	r.State, r.Result = resolution.State, resolution.Result
	end, binds := inventory.EndOf(r)
	if !binds {
		return nil
	}
	return q.numbers.Settle(ctx, end)
}

// tellOver tells the inventory what came of a task that was settled or withdrawn: its number is
// somebody else's. What fails here is made up for by a worker's sweep.
func (q *Queue) tellOver(ctx context.Context, id string) {
	if used, err := q.numbers.InUse(ctx); err != nil || !used {
		return
	}
	records, err := q.records.Read(ctx, id)
	if err != nil {
		return
	}
	if end, over := inventory.EndOf(records[0]); over {
		_ = q.numbers.Settle(ctx, end)
	}
}
