package calls

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
)

// Changed is a call that has changed, and the entry of the change in the stream of changes. It is
// shown as the call is, without the entry.
type Changed struct {
	Call

	// Entry is the place in the stream: the milliseconds of the time at which it was told, by Redis'
	// clock, and a number.
	Entry string
}

// ReadChanges returns up to most calls whose changes were told after an entry, in the order of the
// changes: up to 100 where most is 0, and never more than 1,000. It waits so long for the first,
// and returns none where none came. The call is what its record says now, as in [Store.Follow].
//
// It changes nothing: whoever reads keeps the Entry of the last one, with which the next read goes
// on. "" stands before the oldest change that is kept, and [Store.LatestEntry] for now.
//
// Errors: *dypls.ValidationError, [tasks.ErrUnreachable], and ctx's.
func (s *Store) ReadChanges(
	ctx context.Context,
	after string,
	most int,
	wait time.Duration,
) ([]Changed, error) {
	if after == "" {
		after = consumergroup.First
	}
	if problems := consumergroup.CheckEntry("after", after); problems != nil {
		return nil, &dypls.ValidationError{Problems: problems}
	}
	for ends := time.Now().Add(wait); ; {
		entries, err := s.changes.Read(ctx, after, consumergroup.Bounded(most), time.Until(ends))
		if err != nil {
			return nil, failure(ctx, err)
		}
		if len(entries) == 0 {
			return nil, nil
		}
		page := make([]position, len(entries))
		for i, e := range entries {
			page[i].id, _ = e.Values[fieldCall].(string)
		}
		found, err := s.calls(ctx, page)
		if err != nil {
			return nil, failure(ctx, err)
		}
		var changed []Changed
		for i, c := range found {
			if c.ID != "" { // otherwise its time is over
				changed = append(changed, Changed{Entry: entries[i].ID, Call: c})
			}
		}
		if len(changed) > 0 {
			return changed, nil
		}
		after = entries[len(entries)-1].ID
	}
}

// LatestEntry returns the entry of the change that was told last, after which [Store.ReadChanges]
// returns what is told from now on. Errors: [tasks.ErrUnreachable], and ctx's.
func (s *Store) LatestEntry(ctx context.Context) (string, error) {
	entry, err := s.changes.Latest(ctx)
	if err != nil {
		return "", failure(ctx, err)
	}
	return entry, nil
}
