package record

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/drop.lua
var dropLua string

const (
	// prunedPerSet is how many entries of one set are compared at once.
	prunedPerSet = 64
	// prunedAnew is how often entries are compared once more that were left in: those of records that
	// are kept for longer than others.
	prunedAnew = 10 * time.Minute
)

// Pruning is how far the catalog has been compared with the records. The zero value begins anew.
type Pruning struct {
	sets  []prunedSet
	begun time.Time
}

type prunedSet struct {
	catalogSet

	shard int
	from  string // a score: what is older was compared
}

func newPruning() Pruning {
	p := Pruning{begun: time.Now()}
	for shard := range indexShards {
		add := func(set catalogSet) { p.sets = append(p.sets, prunedSet{set, shard, "-inf"}) }
		add(catalogSet{key: catalogKey(shard)})
		add(catalogSet{key: endedKey(Failed, shard), state: Failed, coded: true})
		add(catalogSet{key: endedKey(Uncertain, shard), state: Uncertain, coded: true})
	}
	return p
}

// Prune drops entries of the catalog that their records belie: mostly, these are gone. It compares
// those that are older than records are commonly kept, the oldest first, some thousand at once. It
// reports whether there are others to compare.
func (s Store) Prune(ctx context.Context, p *Pruning, keep time.Duration) (more bool, err error) {
	if p.sets == nil || time.Since(p.begun) > prunedAnew {
		*p = newPruning()
	}
	found, more, err := s.old(ctx, p, keep)
	if err != nil || len(found) == 0 {
		return false, err
	}
	entries := make([]catalogEntry, len(found))
	for i, o := range found {
		entries[i] = o.catalogEntry
	}
	summaries, err := s.summaries(ctx, entries)
	if err != nil {
		return false, fmt.Errorf("record: prune: %w", err)
	}
	drops := map[string][]any{}
	for i, o := range found {
		if r := summaries[i]; r.state != "" && o.agrees(r) {
			continue
		}
		at := score(o.position.At)
		drops[o.set.key] = append(drops[o.set.key], o.position.Member, at)
		if o.set.coded {
			key := endedCodeKey(o.state, o.set.shard, o.code)
			drops[key] = append(drops[key], o.id, at)
		}
	}
	_, err = s.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for key, args := range drops {
			pipe.Eval(ctx, dropLua, []string{key}, args...)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("record: prune: %w", err)
	}
	return more, nil
}

// oldEntry is one that may be belied.
type oldEntry struct {
	catalogEntry

	set *prunedSet
}

// old reads on in every set.
func (s Store) old(
	ctx context.Context,
	p *Pruning,
	keep time.Duration,
) (found []oldEntry, more bool, err error) {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return nil, false, fmt.Errorf("record: prune: %w", err)
	}
	latest := score(now.Add(-keep).UnixMilli())
	reads := make([]*redis.ZSliceCmd, len(p.sets))
	_, err = s.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, set := range p.sets {
			reads[i] = pipe.ZRangeByScoreWithScores(ctx, set.key,
				&redis.ZRangeBy{Min: set.from, Max: latest, Count: prunedPerSet})
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("record: prune: %w", err)
	}
	for i := range p.sets {
		set, read := &p.sets[i], reads[i].Val()
		for _, z := range read {
			found = append(found, oldEntry{set.entry(z), set})
		}
		if len(read) == 0 {
			continue
		}
		last := score(int64(read[len(read)-1].Score))
		if len(read) == prunedPerSet {
			more = true
			if last == set.from { // all of it has one score: there is no other way on
				last = "(" + last
			}
		}
		set.from = last
	}
	return found, more, nil
}

// score is a score of whole milliseconds, as Redis writes it.
func score(ms int64) string { return strconv.FormatInt(ms, 10) }
