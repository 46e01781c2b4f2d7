package tasks

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Told is an outcome and its entry in the stream of outcomes. Its JSON is the outcome's.
type Told struct {
	Outcome

	// Entry is the place in the stream: the milliseconds of the time at which it was told, by Redis'
	// clock, and a number.
	Entry string
}

// collector is the one consumer that all who collect for a group are.
const collector = "dyplsq.collect"

const (
	// mostGroup is how long the name of a group may be, in bytes.
	mostGroup = 128
	// ownGroups begins the names of groups such as that of the sender of callbacks: whoever collected
	// for it would take what others are to be told.
	ownGroups = "dyplsq."
)

// Collect returns up to most outcomes that a group has not acknowledged and nobody else was given
// within the last minute: up to 100 where most is 0, and never more than 1,000. It waits for none.
// Whoever collects has nothing to remember: any number of processes may collect for one group, and
// share it with those who [Queue.Follow].
//
// What is not acknowledged by [Queue.Acknowledge] is returned again after a minute, to whoever asks
// then. A group that is new begins with the oldest that is kept. The outcome is what the record
// says now, as in Follow.
//
// One whose key is missing is not returned: like what an error keeps from being returned, it comes
// again after a minute.
//
// Errors: *dypls.ValidationError, also for a group whose name begins with dyplsq., as those of
// dyplsq's own processes do, [ErrUndecryptable] where a key is missing for all there is,
// [ErrUnreachable], [ErrClosed], and ctx's.
func (q *Queue) Collect(ctx context.Context, group string, most int) ([]Told, error) {
	if err := join(nil, groupProblems(group)); err != nil {
		return nil, err
	}
	most = consumergroup.Bounded(most)
	g := q.group(group, collector)
	var told []Told
	var refused error // what a key was missing for
	for len(told) < most {
		entries, err := g.Take(ctx, most-len(told))
		if err != nil {
			return nil, q.failure(ctx, err)
		}
		if len(entries) == 0 {
			break
		}
		found, over, locked, err := q.told(ctx, entries, false)
		if err != nil {
			return nil, err
		}
		refused = cmp.Or(refused, locked)
		if len(over) > 0 {
			if _, err := g.Acknowledge(ctx, over...); err != nil {
				return nil, q.failure(ctx, err)
			}
		}
		told = append(told, found...)
	}
	if len(told) == 0 {
		return nil, refused
	}
	return told, nil
}

// told reads the outcomes of entries. It leaves out those without one, whose task is pending again
// and is told again when it is settled, or which were trimmed before they could be read, and those
// whose key is missing, of which locked tells the first; inOrder: and all behind that.
func (q *Queue) told(
	ctx context.Context,
	entries []redis.XMessage,
	inOrder bool,
) (told []Told, without []string, locked, err error) {
	outcomes, missing, err := q.outcomesOf(ctx, entries)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, e := range entries {
		switch o := outcomes[i]; {
		case missing[i]:
			locked = cmp.Or(locked, o.notThere())
			if inOrder {
				return told, without, locked, nil
			}
		case o.isTold():
			told = append(told, Told{Entry: e.ID, Outcome: o})
		case q.isOver(e):
			without = append(without, e.ID)
		}
	}
	return told, without, locked, nil
}

// outcomesOf reads the outcomes of entries of the stream, and tells for which a key is missing.
func (q *Queue) outcomesOf(
	ctx context.Context,
	entries []redis.XMessage,
) (outcomes []Outcome, locked []bool, err error) {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i], _ = e.Values[record.StreamID].(string)
	}
	return q.outcomesAndKeys(ctx, ids)
}

// isOver reports whether an entry whose record has no outcome may be dropped. A master that has
// come back after a failover shows records as they were, until it learns that it is none any more:
// an entry that is new is read again.
func (q *Queue) isOver(entry redis.XMessage) bool {
	const stale = time.Minute
	ms, _, _ := strings.Cut(entry.ID, "-")
	at, err := strconv.ParseInt(ms, 10, 64)
	return err != nil || q.now().Sub(time.UnixMilli(at)) > stale
}

// isTold reports whether an outcome that was read from the stream is handed over.
func (o Outcome) isTold() bool { return o.ID != "" && o.State != StatePending }

// Acknowledge takes entries that [Queue.Collect] returned off what its group is given again, and
// returns how many it took off: one that was acknowledged before counts no more.
//
// Errors: *dypls.ValidationError, also for a group that has collected nothing, and for
// an entry that was never told, [ErrUnreachable], [ErrClosed], and ctx's. It may be
// repeated after any of them.
func (q *Queue) Acknowledge(ctx context.Context, group string, entries ...string) (int, error) {
	problems := groupProblems(group)
	for i, entry := range entries {
		problems = append(problems, consumergroup.CheckEntry(entryField(i), entry)...)
	}
	if err := join(nil, problems); err != nil || len(entries) == 0 {
		return 0, err
	}
	n, err := q.group(group, collector).Acknowledge(ctx, entries...)
	if err != nil {
		return 0, q.failure(ctx, err)
	}
	if n == len(entries) {
		return n, nil
	}
	return n, q.unacknowledged(ctx, group, entries)
}

func entryField(i int) string { return fmt.Sprintf("entries[%d]", i) }

// unacknowledged finds out whether a part of entries was not acknowledged because it cannot be.
func (q *Queue) unacknowledged(ctx context.Context, group string, entries []string) error {
	err := q.redis.XPending(ctx, record.Stream, group).Err()
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return join(nil, []dypls.Problem{{
			Field:  "group",
			Rule:   "must be one that has collected",
			Remedy: "give the group that collected them; where Redis has lost its data, collect again",
		}})
	}
	if err != nil {
		return q.failure(ctx, err)
	}
	latest, err := q.LatestEntry(ctx)
	if err != nil {
		return err
	}
	var problems []dypls.Problem
	for i, entry := range entries {
		if latest != consumergroup.First && consumergroup.IsLater(entry, latest) {
			problems = append(problems, dypls.Problem{
				Field: entryField(i), Rule: "must be an entry that was handed out",
				Remedy: "give what Collect returned",
			})
		}
	}
	return join(nil, problems)
}

// ReadOutcomes returns up to most outcomes that were told after an entry, in their order: up to 100
// where most is 0, and never more than 1,000. It waits so long for the first, and returns none
// where none came. It changes nothing: whoever reads keeps the Entry of the last one, with which
// the next read goes on. "" stands before the oldest that is kept, and [Queue.LatestEntry] for now.
//
// Errors: *dypls.ValidationError, [ErrUndecryptable] where the key of the next one is missing,
// which may be asked for again, [ErrUnreachable], [ErrClosed], and ctx's.
func (q *Queue) ReadOutcomes(
	ctx context.Context,
	after string,
	most int,
	wait time.Duration,
) ([]Told, error) {
	if after == "" {
		after = consumergroup.First
	}
	if err := join(nil, consumergroup.CheckEntry("after", after)); err != nil {
		return nil, err
	}
	for ends := time.Now().Add(wait); ; {
		entries, err := q.outcomes.Read(ctx, after, consumergroup.Bounded(most), time.Until(ends))
		if err != nil {
			return nil, q.failure(ctx, err)
		}
		told, _, locked, err := q.told(ctx, entries, true)
		if err != nil || len(told) > 0 || len(entries) == 0 {
			return told, err
		}
		if locked != nil {
			return nil, locked
		}
		after = entries[len(entries)-1].ID
	}
}

// LatestEntry returns the entry of the outcome that was told last, after which [Queue.ReadOutcomes]
// returns what is told from now on. Errors: [ErrUnreachable], [ErrClosed], and ctx's.
func (q *Queue) LatestEntry(ctx context.Context) (string, error) {
	entry, err := q.outcomes.Latest(ctx)
	if err != nil {
		return "", q.failure(ctx, err)
	}
	return entry, nil
}

// group is a consumer group of the stream of outcomes, as one of its consumers sees it.
func (q *Queue) group(name, consumer string) consumergroup.Group {
	return consumergroup.Group{
		Redis: q.redis, Stream: record.Stream, Name: name, Consumer: consumer, Idle: deadAfter,
	}
}

func groupProblems(group string) []dypls.Problem {
	p := dypls.Problem{Field: "group", Remedy: "name the service that collects"}
	switch {
	case group == "" || len(group) > mostGroup:
		p.Rule = fmt.Sprintf("must be 1-%d bytes", mostGroup)
	case strings.HasPrefix(group, ownGroups):
		p.Rule = "must not begin with " + ownGroups + " as those of dyplsq's own processes do"
	default:
		return nil
	}
	return []dypls.Problem{p}
}
