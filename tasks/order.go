package tasks

import (
	"context"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// draw puts new drafts that change the same thing in order: after what was enqueued before them,
// and each after those before it in its batch. It asks once for each thing. A task that is recorded
// already keeps the order that it has.
func (q *Queue) draw(ctx context.Context, drafts []*draft) error {
	var drawings []record.Drawing
	var ordered [][]*draft // of each drawing
	known := map[string]int{}
	for _, d := range drafts {
		if d.record.Change = d.changes(); d.record.Change == "" || d.found.State != "" {
			continue
		}
		i, seen := known[d.record.Change]
		if !seen {
			i = len(drawings)
			known[d.record.Change] = i
			drawings, ordered = append(drawings, record.Drawing{Of: d.record.Change}), append(ordered, nil)
		}
		drawings[i].Count++
		if d.record.Deadline.After(drawings[i].Until) {
			drawings[i].Until = d.record.Deadline
		}
		ordered[i] = append(ordered[i], d)
	}
	for trip := range slices.Chunk(drawings, recordsPerTrip) {
		var last []int64
		err := q.again(ctx, func() (err error) {
			last, err = q.records.Draw(ctx, trip)
			return err
		})
		if err != nil {
			return err
		}
		for i, end := range last {
			of := ordered[i]
			for n, d := range of {
				d.record.Order = end - int64(len(of)-1-n)
			}
		}
		ordered = ordered[len(last):]
	}
	return nil
}

// changes names what a draft changes in its order among others, in one namespace over all accounts.
// It is "" for one that knows no order.
func (d *draft) changes() string {
	if d.policy.Orders == nil {
		return ""
	}
	var names []string
	if account := d.account(); account != "" {
		names = append(names, account)
	}
	for _, name := range d.policy.Orders {
		value := d.parameters.Value(name)
		if value == "" {
			return ""
		}
		names = append(names, value)
	}
	return strings.Join(names, "/")
}
