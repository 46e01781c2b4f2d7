package record

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Position is a place in a list: a score of the catalog, and a member that has it.
type Position struct {
	At     int64 // ms
	Member string
}

// behind reports whether a list comes to p after other. The zero value is before all.
func (p Position) behind(other Position) bool {
	return other == Position{} || p.At < other.At || p.At == other.At && p.Member < other.Member
}

// catalogEntry is an entry of one set of the catalog.
type catalogEntry struct {
	position Position
	id       string
	code     string // as it stands in a member, "" where the set does not say
	state    State  // of all entries of its set, "" for any
	open     bool   // of the index: without an outcome, or with one that is not entered yet
}

// agrees reports whether the record still is what the entry says. One that is not has another
// entry.
func (e catalogEntry) agrees(r summary) bool {
	return (e.state == "" || e.state == r.state) && (e.code == "" || e.code == codeWord(r.code))
}

// stands reports whether a list that began behind from has the record for this entry. An entry of
// the index stands for a record unless its entry of the catalog is still to come, or came before
// from. Where it came since, it may have been made after the catalog was read.
func (e catalogEntry) stands(r summary, from Position) bool {
	return e.agrees(r) &&
		(r.entered == Position{} || !r.entered.behind(e.position) && r.entered.behind(from))
}

// catalogSet is one set of the catalog, read from its newest entry on.
type catalogSet struct {
	key   string
	state State // of all entries, "" for any
	coded bool  // its members are of [codedMember]
	// The set is a shard of the index, of which the entries count that are marked: those of records
	// that were enqueued firstLook before their scores.
	open bool
	// when those of the index were made at the latest
	until time.Time

	ahead []catalogEntry // that were read and not taken
	last  Position       // of what was read
	size  int64          // of the next read
	over  bool
}

const (
	firstRead = 32 // of each set
	mostRead  = 1000
)

// merge takes entries of several sets, the newest first.
type merge struct {
	store Store
	sets  []*catalogSet
	since time.Time
	from  Position
}

// take returns the next entries, fewer only where there are no others.
func (m *merge) take(ctx context.Context, most int) (taken []catalogEntry, err error) {
	for len(taken) < most {
		if err := m.read(ctx); err != nil {
			return nil, err
		}
		newest := m.newest()
		if newest == nil {
			break
		}
		taken = append(taken, newest.ahead[0])
		newest.ahead = newest.ahead[1:]
	}
	return taken, nil
}

func (m *merge) newest() (newest *catalogSet) {
	for _, set := range m.sets {
		if len(set.ahead) > 0 &&
			(newest == nil || newest.ahead[0].position.behind(set.ahead[0].position)) {
			newest = set
		}
	}
	return newest
}

// read reads on in all sets that nothing is left of, if there is one.
func (m *merge) read(ctx context.Context) error {
	for {
		var empty []*catalogSet
		for _, set := range m.sets {
			if len(set.ahead) == 0 && !set.over {
				empty = append(empty, set)
			}
		}
		if empty == nil {
			return nil
		}
		reads := make([]*redis.ZSliceCmd, len(empty))
		_, err := m.store.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, set := range empty {
				reads[i] = set.read(ctx, p, m.from, m.since)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, set := range empty {
			set.add(reads[i].Val(), m.from)
		}
	}
}

// read queues the next read: once more from the last score on, as others may have it, too.
func (set *catalogSet) read(
	ctx context.Context,
	p redis.Pipeliner,
	from Position,
	since time.Time,
) *redis.ZSliceCmd {
	newest, oldest, later := "+inf", "-inf", int64(0)
	if set.last != (Position{}) {
		from = set.last
	}
	if set.open {
		later = firstLook.Milliseconds()
		newest = score(set.until.UnixMilli() + later)
	}
	if from != (Position{}) {
		newest = strconv.FormatFloat(float64(from.At+later)+quarter, 'f', -1, 64)
	}
	if !since.IsZero() {
		oldest = score(since.UnixMilli() + later)
	}
	set.size = min(max(2*set.size, firstRead), max(mostRead, set.size))
	return p.ZRevRangeByScoreWithScores(
		ctx, set.key, &redis.ZRangeBy{Max: newest, Min: oldest, Count: set.size},
	)
}

func (set *catalogSet) entry(z redis.Z) catalogEntry {
	member, _ := z.Member.(string)
	e := catalogEntry{
		position: Position{At: int64(z.Score), Member: member}, id: member, state: set.state,
	}
	switch {
	case set.coded:
		e.code, e.id, _ = strings.Cut(member, " ")
	case set.open:
		e.open, e.position.At = true, e.position.At-firstLook.Milliseconds()
		if z.Score-math.Floor(z.Score) != quarter { // of one score, those that are marked come first
			e.id, e.position.Member = "", ""
		}
	}
	return e
}

// quarter marks an entry of the index that stands for one of the catalog.
const quarter = 0.25

// add takes in what was read. Where all of it was known, more has the last score than was read, and
// the next read is to be longer.
func (set *catalogSet) add(read []redis.Z, from Position) {
	if set.last != (Position{}) {
		from = set.last
	}
	for _, z := range read {
		e := set.entry(z)
		if !e.position.behind(from) {
			continue
		}
		set.last = e.position
		if e.id != "" {
			set.ahead = append(set.ahead, e)
		}
	}
	set.over = int64(len(read)) < set.size
	if set.last == from && !set.over {
		set.size *= 2
	}
}
