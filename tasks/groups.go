package tasks

import (
	"context"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// GroupStats is how a group of those who [Queue.Follow] or [Queue.Collect] stands.
type GroupStats struct {
	Group   string
	Pending int64 // outcomes that it was given and has not acknowledged
	Lag     int64 // outcomes that it was not given yet; -1 where Redis cannot tell
	// Idle is how long nobody has asked for the group; negative where nobody ever has.
	Idle time.Duration
}

// Groups returns how each group stands, those of dyplsq's own processes left out. Its errors are
// [ErrUnreachable], [ErrRefused] and ctx's.
func (q *Queue) Groups(ctx context.Context) ([]GroupStats, error) {
	standings, err := consumergroup.Standings(ctx, q.redis, record.Stream)
	if err != nil {
		return nil, q.failure(ctx, err)
	}
	groups := make([]GroupStats, 0, len(standings))
	for _, s := range standings {
		if !strings.HasPrefix(s.Name, ownGroups) {
			groups = append(groups, GroupStats{s.Name, s.Pending, s.Lag, s.Idle})
		}
	}
	return groups, nil
}

// RemoveGroup forgets a group, with what it has not acknowledged, and reports whether there was
// one. Where somebody still follows or collects for it, it is made anew, and begins with the oldest
// outcome that is kept. Its errors are a *dypls.ValidationError for a name that no group has,
// [ErrUnreachable], [ErrRefused] and ctx's.
func (q *Queue) RemoveGroup(ctx context.Context, group string) (removed bool, err error) {
	if err = join(nil, groupProblems(group)); err != nil {
		return false, err
	}
	if removed, err = q.group(group, collector).Remove(ctx); err != nil {
		return false, q.failure(ctx, err)
	}
	return removed, nil
}
