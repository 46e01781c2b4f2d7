package record

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"hash/fnv"
	"iter"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The index lists the ids of all records without an outcome, so that what was left half-way is
// found without looking at everything: sorted sets, whose scores say when the reaper is to look
// next, in milliseconds of Redis' clock. An id is there before its record is, and leaves after its
// outcome was told; a crash between leaves an entry that does no harm.
//
// What it costs a task: one ZADD in the round trip of Create (one script for each shard that a
// batch touches), and at the end one XADD, which tells the outcome, and one ZREM, both behind the
// back of whoever waits. A run that begins leaves its entry where it is: whoever sees that the run
// may have ended without a word moves it up, see [Store.Hurry]. A record and the index are in
// different slots of a cluster, so that no script touches both there; a [Handover] does on a single
// server.
const (
	indexShards = 16

	// firstLook is when a task that nobody began is looked at, counted from when it was meant to run.
	firstLook = 30 * time.Second
)

// indexKey is a shard of the index. It never looks like a record's key, which begins with dypls:{
// whatever the id.
func indexKey(shard int) string { return indexKeys[shard] }

var indexKeys = shardKeys("dypls:open:")

func shardKeys(prefix string) (keys [indexShards]string) {
	for shard := range keys {
		keys[shard] = fmt.Sprintf("%s{%02x}", prefix, shard)
	}
	return keys
}

func shardOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % indexShards)
}

// How an entry of the index is written.
const (
	addEntry  = "NX" // unless it is there
	moveEntry = "XX" // if it is there: what was told stays out
	setEntry  = "CH" // whether it is there or not
)

var (
	//go:embed lua/index.lua
	indexLua string
	//go:embed lua/moveup.lua
	moveUpLua string
	//go:embed lua/defer.lua
	deferLua string

	indexScript  = redis.NewScript(indexLua)
	moveUpScript = redis.NewScript(moveUpLua)
)

// entries are what one step writes into the index.
type entries struct {
	how    string
	shards [indexShards][]any
	// fresh: the record may be new. Its entry of the catalog is written anew then, as an earlier
	// record under the same id may have left one that is dropped any moment. Others get theirs here if
	// what moves was their only one.
	fresh bool
	// needed: without them the step has failed. Otherwise the reaper finds what it has to by what was
	// there before.
	needed bool
}

// entry has the reaper look at one task after firstLook.
func entry(how, id string) *entries {
	e := &entries{how: how}
	e.add(id, firstLook)
	return e
}

// firstEntry is entry for a record that may be new.
func firstEntry(id string) *entries {
	e := entry(addEntry, id)
	e.fresh = true
	return e
}

func (e *entries) add(id string, after time.Duration) {
	shard := shardOf(id)
	if e.shards[shard] == nil {
		e.shards[shard] = []any{e.how}
	}
	e.shards[shard] = append(e.shards[shard], id, after.Milliseconds())
}

// write queues the scripts. They go as EVAL: one that Redis does not know by its hash yet would run
// after what it must precede.
func (e *entries) write(ctx context.Context, p redis.Pipeliner) []*redis.Cmd {
	if e == nil {
		return nil
	}
	var cmds []*redis.Cmd
	for key, args := range e.all() {
		cmds = append(cmds, p.Eval(ctx, indexLua, []string{key}, args...))
	}
	return cmds
}

// all yields each key that is written, with the arguments of its script.
func (e *entries) all() iter.Seq2[string, []any] {
	return func(yield func(string, []any) bool) {
		for shard, args := range e.shards {
			if args != nil && !yield(indexKey(shard), args) {
				return
			}
			if args != nil && !yield(catalogKey(shard), enteredNow(args, e.fresh)) {
				return
			}
		}
	}
}

// Hurry has the reaper look at tasks at once that it would look at later, as far as they have no
// outcome yet.
func (s Store) Hurry(ctx context.Context, ids ...string) error {
	e := &entries{how: moveEntry}
	for _, id := range ids {
		e.add(id, 0)
	}
	if err := s.writeEntries(ctx, e); err != nil {
		return fmt.Errorf("record: hurry: %w", err)
	}
	return nil
}

// moveUpAtOnce bounds how long Redis is busy with one piece of a shard.
const moveUpAtOnce = 1000

// MoveUp has everything looked at sooner by as much as Redis' clock was put back: what is later
// than now was written before. What was written since, and moves up as well, is looked at too soon,
// which does no harm.
func (s Store) MoveUp(ctx context.Context, now time.Time, back time.Duration) error {
	for shard := range indexShards {
		for from := strconv.FormatInt(now.UnixMilli(), 10); from != ""; {
			var err error
			from, err = moveUpScript.Run(
				ctx, s.redis, []string{indexKey(shard)}, from, back.Milliseconds(), moveUpAtOnce,
			).Text()
			if err != nil {
				return fmt.Errorf("record: move up: %w", err)
			}
		}
	}
	return nil
}

// writeEntries is for a step whose script is sent apart from its entries.
func (s Store) writeEntries(ctx context.Context, e *entries) error {
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		e.write(ctx, p)
		return nil
	})
	return err
}
