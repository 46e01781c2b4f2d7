package record

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The catalog lists all records by time, for people who look for some of them: sorted sets, in the
// slots of the index' shards.
//
//	dypls:tasks:{0f}             every record: when it was enqueued, or finished where it has an outcome
//	dypls:failed:{0f}            those that failed, each with its code: when
//	dypls:failed:{0f}:isv.X      those of one code
//	dypls:uncertain:{0f}         likewise, those that are held
//	dypls:uncertain:{0f}:isv.X
//
// A new record that is to run at once has none: its entry of the index, which a quarter of a
// millisecond marks, stands for it, until the record gets its outcome or the reaper visits it, half
// a minute later. Most have their outcome by then.
//
// An entry is a hint, and the record the truth: whoever reads the catalog compares the two. No
// record lacks its entry for longer than it takes the reaper to look at it. The one of a new record
// is made with the record, and before it where that takes two steps. Those of an outcome are made
// before the record leaves the index: what cuts the one off makes the reaper repeat both. A score
// is never earlier than the time that the record says.
//
// Nothing is taken out when a task is settled, let run again, or forgotten. The reaper drops what
// its records belie, see [Store.Prune].
//
// Whoever moves an entry of the index makes that of the catalog, too, as the mark is lost.
//
// It costs a task a part of a ZADD in the round trip that tells its outcome, and a part of a read
// and of a ZREM once it is gone; where a record is made in steps, or for later, a ZADD then, too.
const (
	catalogPrefix = "dypls:tasks:"
	endedPrefix   = "dypls:" // and a state
)

func catalogKey(shard int) string { return catalogKeys[shard] }

var (
	catalogKeys   = shardKeys(catalogPrefix)
	failedKeys    = shardKeys(endedPrefix + string(Failed) + ":")
	uncertainKeys = shardKeys(endedPrefix + string(Uncertain) + ":")
)

// searched reports whether the catalog has sets of their own for a state.
func (s State) searched() bool { return s == Failed || s == Uncertain }

// endedKey is a shard of those that ended in a state which is searched.
func endedKey(state State, shard int) string {
	if state == Failed {
		return failedKeys[shard]
	}
	return uncertainKeys[shard]
}

// endedCodeKey is a shard of those of one code among them.
func endedCodeKey(state State, shard int, code string) string {
	return endedKey(state, shard) + ":" + codeWord(code)
}

// codeWord is a code as it stands in keys and members. Two codes may share one: the records tell
// them apart.
func codeWord(code string) string {
	const longest = 64
	if code == "" {
		return "-"
	}
	if len(code) > longest {
		code = code[:longest]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_',
			r == '-':
			return r
		}
		return '_'
	}, code)
}

// codedMember is an entry of all that ended in one state, of whatever code.
func codedMember(code, id string) string { return codeWord(code) + " " + id }

// enteredNow makes arguments of [indexLua] those that enter the same tasks into the catalog.
func enteredNow(args []any, anew bool) []any {
	entered := make([]any, len(args))
	entered[0] = addEntry
	if anew {
		entered[0] = setEntry
	}
	for i := 1; i < len(args); i += 2 {
		entered[i], entered[i+1] = args[i], 0
	}
	return entered
}

// enterOpen enters records without an outcome that have no entry yet.
func enterOpen(ctx context.Context, p redis.Pipeliner, open []Open) {
	var shards [indexShards][]redis.Z
	for _, o := range open {
		shard := shardOf(o.ID)
		shards[shard] = append(
			shards[shard], redis.Z{Score: float64(o.Enqueued.UnixMilli()), Member: o.ID},
		)
	}
	for shard, entries := range shards {
		if entries != nil {
			p.ZAddNX(ctx, catalogKey(shard), entries...)
		}
	}
}

// endEntries enters outcomes into the catalog, each by when it was settled.
func endEntries(ctx context.Context, p redis.Pipeliner, told []Open) {
	sets := map[string][]redis.Z{}
	for _, o := range told {
		add := func(key, member string) {
			sets[key] = append(sets[key], redis.Z{Score: float64(o.Finished.UnixMilli()), Member: member})
		}
		shard := shardOf(o.ID)
		add(catalogKey(shard), o.ID)
		if o.State.searched() {
			add(endedKey(o.State, shard), codedMember(o.Code, o.ID))
			add(endedCodeKey(o.State, shard, o.Code), o.ID)
		}
	}
	for key, entries := range sets {
		p.ZAdd(ctx, key, entries...)
	}
}
