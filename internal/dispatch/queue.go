package dispatch

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// namesFor is how long the list of queues is relied on where a stale one costs no more than a
// second delivery.
const namesFor = 5 * time.Second

// The queues of asynq that tasks go through.
const (
	Bind   = "bind"
	Unbind = "unbind"
	Update = "update"
	Query  = "query"
)

// Queues returns the names of all of them.
func Queues() []string { return []string{Bind, Unbind, Update, Query} }

// ShardsOf returns the names of a queue's shards, and its own where it has one alone.
func ShardsOf(queue string, shards int) []string {
	if shards <= 1 {
		return []string{queue}
	}
	names := make([]string, shards)
	for i := range names {
		names[i] = shardName(queue, i)
	}
	return names
}

func shardName(queue string, shard int) string { return queue + "." + strconv.Itoa(shard) }

// QueueOf returns the queue that a name stands for, one of [Queues] or a shard of one, and whether
// it does.
func QueueOf(name string) (queue string, ours bool) {
	queue, shard, sharded := strings.Cut(name, ".")
	if !slices.Contains(Queues(), queue) {
		return "", false
	}
	if !sharded {
		return queue, true
	}
	n, err := strconv.ParseUint(shard, 10, 16)
	return queue, err == nil && strconv.FormatUint(n, 10) == shard // 07 is no shard
}

// Place returns the queue into which a task of one of [Queues] is put. Its latest delivery may be
// in another one, put there while the number of shards was another, or the cluster's slots were
// elsewhere.
func (d *Dispatcher) Place(ctx context.Context, queue, id string) string {
	if d.Shards <= 1 {
		return queue
	}
	return shardName(queue, d.spread.shard(ctx, d.Redis, queue, d.Shards, id))
}

// Elsewhere returns the queues beside its place in which a delivery of a task may be: the shards,
// and the queue without one, that are known on this Redis.
func (d *Dispatcher) Elsewhere(ctx context.Context, queue, place string) ([]string, error) {
	names, err := d.names.get(ctx, d)
	if err != nil {
		return nil, err
	}
	others := make([]string, 0, len(names))
	for _, name := range names {
		if of, _ := QueueOf(name); of == queue && name != place {
			others = append(others, name)
		}
	}
	return others, nil
}

// Holder returns the queue that holds a task's n-th delivery, or may have held it: the task's place
// where none does.
func (d *Dispatcher) Holder(ctx context.Context, queue, id string, n int64) (string, error) {
	place, delivery := d.Place(ctx, queue, id), asynqwire.DeliveryID(id, n)
	others, err := d.Elsewhere(ctx, queue, place)
	if err != nil || len(others) == 0 {
		return place, err
	}
	names := append([]string{place}, others...)
	there := make([]*redis.IntCmd, len(names))
	_, err = d.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			there[i] = p.Exists(ctx, asynqwire.Queue(name).Task(delivery))
		}
		return nil
	})
	if err != nil {
		return place, err
	}
	for i, name := range names {
		if there[i].Val() == 1 {
			return name, nil
		}
	}
	return place, nil
}

// Names returns the queues that this program's tasks use or used on this Redis: those of [Queues],
// and their shards (bind.0, ...), as many as this dispatcher has, and those that others use.
func (d *Dispatcher) Names(ctx context.Context) ([]string, error) {
	return Names(ctx, d.Redis, d.Shards)
}

// Names is [Dispatcher.Names] for whoever needs no dispatcher.
func Names(ctx context.Context, client redis.Cmdable, shards int) ([]string, error) {
	known, err := client.SMembers(ctx, asynqwire.Queues).Result()
	if err != nil {
		return nil, err
	}
	return namesAmong(known, shards), nil
}

// CallbackPrefix begins the names of the queues through which endpoints are told, one for each.
const CallbackPrefix = "callback."

// AllNames are [Names], and the queues of callbacks behind them.
func AllNames(ctx context.Context, client redis.Cmdable, shards int) ([]string, error) {
	known, err := client.SMembers(ctx, asynqwire.Queues).Result()
	if err != nil {
		return nil, err
	}
	slices.Sort(known)
	of := slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		return !strings.HasPrefix(name, CallbackPrefix)
	})
	return append(namesAmong(known, shards), of...), nil
}

func namesAmong(known []string, shards int) []string {
	queues := Queues()
	names := slices.Clone(queues)
	for _, queue := range queues {
		names = append(names, ShardsOf(queue, shards)...)
	}
	for _, name := range known {
		if _, ours := QueueOf(name); ours {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, byShard)
	return slices.Compact(names)
}

// nameList is [Dispatcher.Names], asked for now and then.
type nameList struct {
	mu    sync.Mutex
	names []string
	at    time.Time
}

func (l *nameList) get(ctx context.Context, d *Dispatcher) ([]string, error) {
	l.mu.Lock()
	known := l.names
	if known != nil && time.Since(l.at) < namesFor {
		l.mu.Unlock()
		return known, nil
	}
	l.at = time.Now() // the others go on with what is known meanwhile
	l.mu.Unlock()
	names, err := d.Names(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names, l.at = names, time.Now()
	return names, nil
}

// Among returns the names among known that a queue, or one of its shards, goes by: itself and all
// its shards, or that shard.
func Among(known []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(known), func(other string) bool {
		queue, _ := QueueOf(other)
		return other != name && queue != name
	})
}

// byShard orders the queues as [Queues] has them, then their shards, bind.2 before bind.10.
func byShard(a, b string) int {
	queueA, shardA, shardedA := strings.Cut(a, ".")
	queueB, shardB, shardedB := strings.Cut(b, ".")
	order := Queues()
	return cmp.Or(
		compareBool(shardedA, shardedB),
		cmp.Compare(slices.Index(order, queueA), slices.Index(order, queueB)),
		cmp.Compare(len(shardA), len(shardB)),
		cmp.Compare(shardA, shardB),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
