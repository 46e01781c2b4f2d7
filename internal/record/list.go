package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Selection says which records are wanted: those that meet all of it.
type Selection struct {
	States  []State // one of them; none for any
	Action  string  // "" for any
	Code    string  // of the outcome, or of the latest attempt; "" for any
	Account *string // nil for any, and "" for the worker's own
	Since   time.Time
	From    Position // goes on behind it; the zero value begins with the newest
	Most    int      // how many are returned at the most
}

const (
	// examineMost is how many entries one List compares with their records at the most, so that it
	// takes a moment whatever is asked for.
	examineMost = 20_000
	// They are read in one trip where that does, and else more and more at once.
	examinedFirst, examinedPerTrip = 32, 1000
	// openMost is up to how many open records are read and sorted, whatever else there is.
	openMost = 20_000
)

// List returns records, the newest first: by when they got their outcome, or were enqueued where
// they have none. It returns where to go on, the zero value where there are no others. It may
// return fewer than it was asked for, or none, although there are others.
//
// One that gets its outcome, or is let run again, while a list is read moves to another place, and
// may be missed or met twice.
func (s Store) List(ctx context.Context, sel Selection) (found []Record, next Position, err error) {
	list := s.listCatalog
	if onlyOpen(sel.States) {
		open, err := s.countOpen(ctx)
		if err != nil {
			return nil, Position{}, fmt.Errorf("record: list: %w", err)
		}
		if open <= openMost {
			list = s.listOpen
		}
	}
	ids, next, err := list(ctx, sel)
	if err != nil {
		return nil, Position{}, fmt.Errorf("record: list: %w", err)
	}
	records, err := s.Read(ctx, ids...)
	if err != nil {
		return nil, Position{}, err
	}
	records = slices.DeleteFunc(records, func(r Record) bool { return !sel.meets(summaryOf(r)) })
	return records, next, nil
}

// listCatalog examines entries of the catalog from the newest on.
func (s Store) listCatalog(
	ctx context.Context, sel Selection,
) (ids []string, next Position, err error) {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return nil, Position{}, err
	}
	m := &merge{store: s, sets: sel.sets(now.Add(time.Second)), since: sel.Since, from: sel.From}
	examined, perTrip, met := 0, sel.Most, map[string]bool{}
	for examined < examineMost {
		perTrip = min(max(2*perTrip, examinedFirst), examinedPerTrip)
		entries, err := m.take(ctx, perTrip)
		if err != nil || len(entries) == 0 {
			return ids, Position{}, err
		}
		summaries, err := s.summaries(ctx, entries)
		if err != nil {
			return nil, Position{}, err
		}
		for i, e := range entries {
			r := summaries[i]
			if met[e.id] || !e.stands(r, sel.From) {
				continue
			}
			met[e.id] = true
			if !sel.meets(r) {
				continue
			}
			ids = append(ids, e.id)
			if len(ids) == sel.Most {
				return ids, e.position, nil
			}
		}
		examined += len(entries)
		next = entries[len(entries)-1].position
	}
	return ids, next, nil
}

// sets are those of the catalog that have all that is wanted, and as little else as possible.
func (sel Selection) sets(until time.Time) (sets []*catalogSet) {
	searched := len(sel.States) > 0 &&
		!slices.ContainsFunc(sel.States, func(state State) bool { return !state.searched() })
	for shard := range indexShards {
		if !searched {
			// the index is read first: what leaves it is in the catalog already
			sets = append(sets, &catalogSet{key: indexKey(shard), open: true, until: until},
				&catalogSet{key: catalogKey(shard)})
			continue
		}
		for _, state := range sel.States {
			set := &catalogSet{key: endedKey(state, shard), state: state, coded: true}
			if sel.Code != "" {
				set.key, set.coded = endedCodeKey(state, shard, sel.Code), false
			}
			sets = append(sets, set)
		}
	}
	return sets
}

// summary is what a record is compared by.
type summary struct {
	id, action, code, account string
	state                     State
	at                        time.Time
	mayHaveRun                bool
	entered                   Position // in the catalog; known for an entry of the index
}

func summaryOf(r Record) summary {
	at := r.EnqueuedAt
	if r.State.Told() {
		at = r.FinishedAt
	}
	return summary{
		id: r.ID, action: r.Action, code: r.Code, account: r.Account, state: r.State, at: at,
	}
}

func (sel Selection) meets(r summary) bool {
	return r.state != "" &&
		(len(sel.States) == 0 || slices.Contains(sel.States, r.state)) &&
		(sel.Action == "" || sel.Action == r.action) &&
		(sel.Code == "" || sel.Code == r.code) &&
		(sel.Account == nil || *sel.Account == r.account) &&
		(sel.Since.IsZero() || !r.at.Before(sel.Since))
}

// summaries read, in one round trip, what records are compared by.
func (s Store) summaries(ctx context.Context, entries []catalogEntry) ([]summary, error) {
	cmds, own := make([]*redis.SliceCmd, len(entries)), make([]*redis.FloatSliceCmd, len(entries))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, e := range entries {
			cmds[i] = p.HMGet(ctx, Key(e.id), "state", "action", "code", "account", "enqueued_at",
				"finished_at",
				"may_have_run")
			if e.open {
				own[i] = p.ZMScore(ctx, catalogKey(shardOf(e.id)), e.id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]summary, len(entries))
	for i, cmd := range cmds {
		r := fieldReader{cmd.Val()}
		found[i] = summaryOf(Record{
			ID: entries[i].id, State: State(r.text(0)), Action: r.text(1), Code: r.text(2),
			Account:    r.text(3),
			EnqueuedAt: fromMillis(r.integer(4)), FinishedAt: fromMillis(r.integer(5)),
		})
		found[i].mayHaveRun = r.integer(6) == 1
		if own[i] != nil && own[i].Val()[0] > 0 {
			found[i].entered = Position{At: int64(own[i].Val()[0]), Member: entries[i].id}
		}
	}
	return found, nil
}

// onlyOpen reports whether only records without an outcome are wanted.
func onlyOpen(states []State) bool {
	return len(states) > 0 && !slices.ContainsFunc(states, State.Told)
}

func (s Store) countOpen(ctx context.Context) (n int64, err error) {
	var counts [indexShards]*redis.IntCmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range counts {
			counts[shard] = p.ZCard(ctx, indexKey(shard))
		}
		return nil
	})
	for _, count := range counts {
		n += count.Val()
	}
	return n, err
}

// openEntries are all that the index has.
func (s Store) openEntries(ctx context.Context) (open []catalogEntry, err error) {
	var shards [indexShards]*redis.StringSliceCmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range shards {
			shards[shard] = p.ZRange(ctx, indexKey(shard), 0, -1)
		}
		return nil
	})
	for _, shard := range shards {
		for _, id := range shard.Val() {
			open = append(open, catalogEntry{id: id})
		}
	}
	return open, err
}

// listOpen reads all that the index has, and sorts it: a few open records among a million others
// are not looked for in the catalog.
func (s Store) listOpen(
	ctx context.Context, sel Selection,
) (ids []string, next Position, err error) {
	open, err := s.openEntries(ctx)
	if err != nil {
		return nil, Position{}, err
	}
	var wanted []Position
	for some := range slices.Chunk(open, examinedPerTrip) {
		summaries, err := s.summaries(ctx, some)
		if err != nil {
			return nil, Position{}, err
		}
		for _, r := range summaries {
			p := Position{At: r.at.UnixMilli(), Member: r.id}
			if sel.meets(r) && p.behind(sel.From) {
				wanted = append(wanted, p)
			}
		}
	}
	slices.SortFunc(wanted, func(a, b Position) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.Member, a.Member))
	})
	if len(wanted) > sel.Most {
		wanted = wanted[:sel.Most]
		next = wanted[sel.Most-1]
	}
	for _, p := range wanted {
		ids = append(ids, p.Member)
	}
	return ids, next, nil
}
