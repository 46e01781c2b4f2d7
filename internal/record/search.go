package record

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Found is what a search tells of a record.
type Found struct {
	ID, Action, Code, Account string
	State                     State
	MayHaveRun                bool // a call of it may have taken effect
}

// searchMost is how many records one search looks at, so that it takes a second or two at the most
// and keeps some megabytes.
const searchMost = 100_000

// Search hands on the records that are wanted, each once, until visit returns false. Most and From
// of the selection do not matter. It reports whether it came to the end: it looks at 100,000
// records at the most, the newest first.
func (s Store) Search(
	ctx context.Context, sel Selection, visit func(Found) bool,
) (all bool, err error) {
	open := int64(openMost + 1)
	if onlyOpen(sel.States) {
		if open, err = s.countOpen(ctx); err != nil {
			return false, fmt.Errorf("record: search: %w", err)
		}
	}
	search := &search{store: s, sel: sel, visit: visit, seen: map[string]bool{}}
	if open <= openMost {
		all, err = search.index(ctx)
	} else {
		all, err = search.catalog(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("record: search: %w", err)
	}
	return all, nil
}

// search is one that goes on.
type search struct {
	store Store
	sel   Selection
	visit func(Found) bool
	seen  map[string]bool // that were handed on: an entry may move while the search goes on
}

// catalog looks at entries of the catalog.
func (s *search) catalog(ctx context.Context) (all bool, err error) {
	now, err := s.store.redis.Time(ctx).Result()
	if err != nil {
		return false, err
	}
	m := &merge{store: s.store, sets: s.sel.sets(now.Add(time.Second)), since: s.sel.Since}
	for examined := 0; examined < searchMost; {
		entries, err := m.take(ctx, examinedPerTrip)
		if err != nil || len(entries) == 0 {
			return err == nil, err
		}
		if more, err := s.look(ctx, entries); err != nil || !more {
			return false, err
		}
		examined += len(entries)
	}
	return false, nil
}

// index looks at all that have no outcome.
func (s *search) index(ctx context.Context) (all bool, err error) {
	open, err := s.store.openEntries(ctx)
	if err != nil {
		return false, err
	}
	for entries := range slices.Chunk(open, examinedPerTrip) {
		if more, err := s.look(ctx, entries); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// look compares entries with their records.
func (s *search) look(ctx context.Context, entries []catalogEntry) (more bool, err error) {
	summaries, err := s.store.summaries(ctx, entries)
	if err != nil {
		return false, err
	}
	for i, r := range summaries {
		if !s.sel.meets(r) || !entries[i].agrees(r) || s.seen[r.id] {
			continue
		}
		s.seen[r.id] = true
		found := Found{
			ID: r.id, Action: r.action, Code: r.code, Account: r.account, State: r.state,
			MayHaveRun: r.mayHaveRun,
		}
		if !s.visit(found) {
			return false, nil
		}
	}
	return true, nil
}

// AtMost is how many records there are at the most that meet states, code and time of a selection:
// as many as have entries. It looks at none.
func (s Store) AtMost(ctx context.Context, sel Selection) (n int64, err error) {
	oldest := "-inf"
	if !sel.Since.IsZero() {
		oldest = score(sel.Since.UnixMilli())
	}
	var counts []*redis.IntCmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		if onlyOpen(sel.States) {
			for shard := range indexShards {
				counts = append(counts, p.ZCard(ctx, indexKey(shard)))
			}
			return nil
		}
		for _, set := range sel.sets(time.Time{}) {
			counts = append(counts, p.ZCount(ctx, set.key, oldest, "+inf"))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("record: count: %w", err)
	}
	for _, count := range counts {
		n += count.Val()
	}
	return n, nil
}
