package calls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// ErrUnknownCall is that no receipt of a call is kept: none came, or its time is over.
var ErrUnknownCall = errors.New("no receipt of this call is kept")

// Get returns a call. Errors: [ErrUnknownCall], [tasks.ErrUnreachable] and [tasks.ErrRefused].
func (s *Store) Get(ctx context.Context, id string) (Call, error) {
	hash, err := s.redis.HGetAll(ctx, callKey(id)).Result()
	if err != nil {
		return Call{}, failure(ctx, err)
	}
	c, found := s.callOf(id, hash)
	if !found {
		return Call{}, ErrUnknownCall
	}
	return c, nil
}

func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return tasks.RedisError(err)
}

// Filter says which calls are listed: those that meet all of it.
type Filter struct {
	TaskID string    // those of the binding that a task made
	SubsID string    // those of a binding
	Since  time.Time // those that were dialled at this time or later
	// Recording are the states of which their recordings have one; none for any.
	Recording []RecordingState
	// NewestFirst lists those that were dialled last first. A cursor is for a list of the same order.
	NewestFirst bool
	// Cursor goes on where an earlier list ended.
	Cursor string
	// Limit is how many calls are returned at the most: 100 by default, 1,000 at most.
	Limit int
}

const (
	defaultLimit = 100
	mostLimit    = 1000
)

// List returns calls in the order in which they were dialled, or in the reverse one, and the cursor
// of those that follow, "" where there are none. Calls whose first receipt comes while a
// list is read may be missing.
// Errors: *dypls.ValidationError for a cursor that is none, [tasks.ErrUndecryptable] where no call
// of a task is found by a process without the keys that the task was recorded with,
// [tasks.ErrUnreachable] and [tasks.ErrRefused].
func (s *Store) List(ctx context.Context, f Filter) (calls []Call, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	f.Limit = min(f.Limit, mostLimit)
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return nil, "", failure(ctx, err)
	}
	w, err := s.window(f, now)
	if err != nil {
		return nil, "", err
	}
	for _, keys := range s.indexes(f, w) {
		for more := true; more; {
			var page []position
			if page, more, err = s.page(ctx, keys, w); err != nil {
				return nil, "", failure(ctx, err)
			}
			found, err := s.calls(ctx, page)
			if err != nil {
				return nil, "", failure(ctx, err)
			}
			for i, p := range page {
				w.from = p
				if found[i].ID == "" || !f.meets(found[i]) || isOfOtherDay(found[i], keys[0]) {
					continue
				}
				calls = append(calls, found[i])
				if len(calls) == f.Limit {
					return calls, p.String(), nil
				}
			}
		}
	}
	if len(calls) == 0 && f.Cursor == "" {
		return nil, "", s.checkFound(ctx, f.TaskID)
	}
	return calls, "", nil
}

const day = 24 * time.Hour

// window is what a list still has to look at.
type window struct {
	since int64     // ms, of the oldest
	till  time.Time // of the newest
	back  bool      // the newest first
	from  position  // which the next is behind
}

// window is where a list begins.
func (s *Store) window(f Filter, now time.Time) (window, error) {
	w := window{
		since: max(f.Since.UnixMilli(), now.Add(-s.keep-day).UnixMilli()),
		till:  now.Add(day), // a clock may be ahead
		back:  f.NewestFirst,
	}
	w.from = position{at: w.since}
	if w.back {
		w.from = position{at: math.MaxInt64}
	}
	if f.Cursor != "" {
		cursor, valid := parsePosition(f.Cursor)
		if !valid {
			return w, &dypls.ValidationError{Problems: []dypls.Problem{{
				Field: "Cursor", Rule: "must be one that an earlier list returned", Remedy: "list from the start",
			}}}
		}
		if w.isBehind(cursor) {
			w.from = cursor
		}
	}
	return w, nil
}

// isBehind reports whether a position is still to come.
func (w window) isBehind(p position) bool {
	if w.back {
		return w.from.after(p)
	}
	return p.after(w.from)
}

// indexes are those to look into, one after the other, and some side by side: those of a task are
// two, of before a key sealed and since.
func (s *Store) indexes(f Filter, w window) (keys [][]string) {
	switch {
	case f.TaskID != "" && s.keys.On():
		return [][]string{{taskKey(f.TaskID), s.keyedTaskKey(f.TaskID)}}
	case f.TaskID != "":
		return [][]string{{taskKey(f.TaskID)}}
	case f.SubsID != "":
		return [][]string{{bindingKey(f.SubsID)}}
	case f.wantsMissing():
		return [][]string{{missingKey}}
	}
	first, last := w.since, w.till
	if w.back && w.from.at < last.UnixMilli() {
		last = time.UnixMilli(w.from.at + 1)
	} else if !w.back {
		first = w.from.at
	}
	for at := time.UnixMilli(first).UTC().Truncate(day); at.Before(last); at = at.Add(day) {
		keys = append(keys, []string{dayKey(at)})
	}
	if w.back {
		slices.Reverse(keys)
	}
	return keys
}

// position is a place in an index.
type position struct {
	at int64 // ms
	id string
}

func (p position) after(other position) bool {
	return p.at > other.at || p.at == other.at && p.id > other.id
}

func (p position) String() string { return strconv.FormatInt(p.at, 10) + ":" + p.id }

func parsePosition(text string) (position, bool) {
	at, id, found := strings.Cut(text, ":")
	ms, err := strconv.ParseInt(at, 10, 64)
	return position{ms, id}, found && err == nil
}

// page reads what comes next in indexes that are read side by side.
func (s *Store) page(
	ctx context.Context, keys []string, w window,
) (page []position, more bool, err error) {
	if len(keys) == 1 {
		return s.pageOf(ctx, keys[0], w)
	}
	before := func(a, b position) int {
		if w.back {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	}
	var last *position // of the index of which the least is known
	for _, key := range keys {
		part, rest, err := s.pageOf(ctx, key, w)
		if err != nil {
			return nil, false, err
		}
		if end := len(part) - 1; rest && (last == nil || before(part[end], *last) < 0) {
			last = &part[end]
		}
		page = append(page, part...)
	}
	slices.SortFunc(page, before)
	page = slices.Compact(page)
	if last == nil {
		return page, false, nil
	}
	return slices.DeleteFunc(page, func(p position) bool { return before(p, *last) > 0 }), true, nil
}

// pageOf reads what comes next in an index.
func (s *Store) pageOf(
	ctx context.Context, key string, w window,
) (page []position, more bool, err error) {
	const size = 256
	within := redis.ZRangeBy{Min: strconv.FormatInt(w.from.at, 10), Max: "+inf", Count: size}
	read := s.redis.ZRangeByScoreWithScores
	if w.back {
		within.Min, within.Max = strconv.FormatInt(w.since, 10), strconv.FormatInt(w.from.at, 10)
		read = s.redis.ZRevRangeByScoreWithScores
	}
	for ; len(page) == 0; within.Offset += size {
		members, err := read(ctx, key, &within).Result()
		if err != nil {
			return nil, false, err
		}
		for _, m := range members {
			id, _ := m.Member.(string)
			if p := (position{int64(m.Score), id}); w.isBehind(p) {
				page = append(page, p)
			}
		}
		if len(members) < size {
			return page, false, nil
		}
	}
	return page, true, nil
}

// calls reads the records of a page; one that is gone is a Call without an ID.
func (s *Store) calls(ctx context.Context, page []position) ([]Call, error) {
	hashes := make([]*redis.MapStringStringCmd, len(page))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range page {
			hashes[i] = p.HGetAll(ctx, callKey(page[i].id))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]Call, len(page))
	for i := range page {
		found[i], _ = s.callOf(page[i].id, hashes[i].Val())
	}
	return found, nil
}

// wantsMissing reports whether only calls are wanted whose recording should be kept and is not.
// These have an index of their own.
func (f Filter) wantsMissing() bool {
	return len(f.Recording) > 0 && !slices.ContainsFunc(f.Recording, func(state RecordingState) bool {
		return !slices.Contains(MissingRecordings(), state)
	})
}

func (f Filter) meets(c Call) bool {
	if len(f.Recording) > 0 && !slices.Contains(f.Recording, c.Recording.State) {
		return false
	}
	return (f.TaskID == "" || c.TaskID == f.TaskID || c.Undecryptable != nil) && (f.SubsID == "" || c.SubsID == f.SubsID) &&
		(f.Since.IsZero() || c.CallTime.IsZero() || !c.CallTime.Before(f.Since))
}

// isOfOtherDay tells of a call that the index of a day has for when its receipt came: it was
// dialled on another day, whose index has it, too.
func isOfOtherDay(c Call, key string) bool {
	return !c.CallTime.IsZero() && strings.HasPrefix(key, dayPrefix) && dayKey(c.CallTime) != key
}

// Waiting returns how many pushes wait to be merged.
func (s *Store) Waiting(ctx context.Context) (int64, error) {
	n, err := s.redis.XLen(ctx, pushStream).Result()
	if err != nil {
		return 0, fmt.Errorf("count pushes: %w", failure(ctx, err))
	}
	return n, nil
}
